/**
 * Half-open stretches of the ring, [from, to) going clockwise: the form in which a peer says which keys it
 * answers for. `from === to` means the whole ring; "nothing" is an empty list of intervals.
 */

import type { IdSpace, Key, Position } from './id-space.ts';

export type KeyInterval = { readonly from: Position; readonly to: Position };

export function intervalContains(space: IdSpace, { from, to }: KeyInterval, key: Key): boolean {
  return from === to || space.clockwise(from, key) < space.clockwise(from, to);
}
