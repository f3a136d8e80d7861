/**
 * Half-open stretches of the ring, [from, to) going clockwise: the form in which a peer says which keys it
 * answers for. `from === to` means the whole ring; "nothing" is an empty list of intervals.
 */

import type { Position } from './id-space.ts';

export type KeyInterval = { readonly from: Position; readonly to: Position };
