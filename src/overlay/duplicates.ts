/**
 * Which lookups and joins have passed here lately, so that a copy (rerouted because an acknowledgement was late)
 * is dropped. Two generations: forgetting is the drop of a whole set, and memory stays bounded.
 */

import type { NodeId } from '../id/id-space.ts';
import { REQUEST_IDS } from './messages.ts';
import type { OverlayParameters } from './parameters.ts';

export class Duplicates {
  private readonly parameters: OverlayParameters;
  private recent: Set<number> | undefined = undefined;
  private older: Set<number> | undefined = undefined;
  private turnedAt = -Infinity;

  constructor(parameters: OverlayParameters) {
    this.parameters = parameters;
  }

  /** Notes a request of an origin; false when it was noted before. */
  add(origin: NodeId, requestId: number, now: number): boolean {
    const { duplicateMemoryMs, duplicatesMax } = this.parameters;
    if (now - this.turnedAt >= duplicateMemoryMs || (this.recent?.size ?? 0) >= duplicatesMax) {
      this.older = now - this.turnedAt >= 2 * duplicateMemoryMs ? undefined : this.recent;
      this.recent = undefined;
      this.turnedAt = now;
    }
    const request = origin * REQUEST_IDS + requestId;
    if (this.recent?.has(request) === true || this.older?.has(request) === true) return false;
    this.recent ??= new Set();
    this.recent.add(request);
    return true;
  }
}
