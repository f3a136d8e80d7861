/**
 * The node ids that the discovery peer gives out while nobody leaves: each in the middle of the largest gap of the
 * ring, of equal gaps the one whose start comes first with its bits reversed. From an empty ring on, that is van der
 * Corput's sequence (0000, 8000, 4000, c000, 2000, …), so the n-th id follows from n alone, without a look at the
 * others: a ring of 65,536 is numbered in no time.
 */

import { assert } from '../base/assert.ts';
import type { IdSpace, NodeId } from '../id/id-space.ts';

/** The id of the newcomer that finds `index` others. */
export function balancedId(space: IdSpace, index: number): NodeId {
  assert(index >= 0 && index < space.size, 'there is an id for each position');
  let id = 0;
  for (let bit = space.size / 2, rest = index; rest > 0; bit /= 2, rest = Math.floor(rest / 2)) id += (rest % 2) * bit;
  return space.position(id);
}
