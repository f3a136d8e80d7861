/**
 * Which node id a newcomer gets: the middle of the largest gap of the ring. Random ids leave the busiest of 1,000
 * peers with six times its share; halving the largest gap keeps the largest gap at most twice the smallest for as
 * long as peers only join.
 *
 * The first id is 0. Of gaps that are equally large, the one whose start comes first with its bits reversed is taken
 * (van der Corput's sequence: 0000, 8000, 4000, c000, 2000, a000, …), so that newcomers who join one after the other
 * land far apart and do not all meet the same neighbours. Deterministic: the same members give the same id.
 */

import { NotPermittedError } from '../base/errors.ts';
import { assert } from '../base/assert.ts';
import type { IdSpace, NodeId } from '../id/id-space.ts';

/** The lowest `bits` bits of a number in reverse order. */
function reverseBits(value: number, bits: number): number {
  let reversed = 0;
  for (let bit = 0, rest = value; bit < bits; bit++, rest = Math.floor(rest / 2)) reversed = reversed * 2 + (rest % 2);
  return reversed;
}

/**
 * @param taken the ids that are in use, ascending, each once
 * @throws NotPermittedError when the ring is full
 */
export function freeNodeId(space: IdSpace, taken: readonly NodeId[]): NodeId {
  const first = taken[0];
  if (first === undefined) return space.position(0);
  if (taken.length >= space.size) {
    throw new NotPermittedError(`the ring is full: all ${String(space.size)} node ids are taken`);
  }
  let bestStart = 0;
  let bestGap = 0;
  let bestRank = 0;
  taken.forEach((start, index) => {
    const end = taken[index + 1] ?? first + space.size;
    const gap = end - start;
    assert(gap > 0, 'taken ids ascend, each once');
    if (gap < bestGap) return;
    const rank = reverseBits(start, space.bits);
    if (gap === bestGap && rank > bestRank) return;
    bestStart = start;
    bestGap = gap;
    bestRank = rank;
  });
  return space.position((bestStart + Math.floor(bestGap / 2)) % space.size);
}
