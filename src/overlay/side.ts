/**
 * The two sides of a node on the ring, and of a newcomer, which of them it is known to be the next on. Of a node of
 * which that is not known nobody can say who stands between; behind the last leaf, it would hide a gap.
 */

/** A half of the leaf set. */
export type Half = 'clockwise' | 'counterclockwise';

export const HALVES: readonly Half[] = ['clockwise', 'counterclockwise'];

/**
 * Where a node is known to come next after the last member of a half: because whoever told of it, or it itself, knows
 * that member, too.
 */
export type Side = Half | 'both' | 'neither';
