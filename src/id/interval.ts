/**
 * Half-open stretches of the ring, [from, to) going clockwise: the form in which a peer says which keys it
 * answers for. `from === to` means the whole ring; "nothing" is an empty list of intervals.
 */

import type { IdSpace, Key, Position } from './id-space.ts';

export type KeyInterval = { readonly from: Position; readonly to: Position };

export function intervalContains(space: IdSpace, interval: KeyInterval, key: Key): boolean {
  if (interval.from === interval.to) return true;
  return space.clockwise(interval.from, key) < space.clockwise(interval.from, interval.to);
}

export function someIntervalContains(space: IdSpace, intervals: readonly KeyInterval[], key: Key): boolean {
  return intervals.some((interval) => intervalContains(space, interval, key));
}
