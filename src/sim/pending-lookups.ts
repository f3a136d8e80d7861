/**
 * The lookups of a simulation that are on their way, so that whoever began one hears of its end, exactly once: when
 * the answer reaches the entry, when the entry gives up, or when the entry's machine is killed.
 */

import { assert } from '../base/assert.ts';
import type { Key, NodeId } from '../id/id-space.ts';
import type { LookupId } from '../overlay/events.ts';
import type { LookupOutcome } from './simulated-peer.ts';

type Pending = { key: Key; entry: NodeId; at: number; done: (outcome: LookupOutcome) => void };

export class PendingLookups {
  private readonly pending = new Map<LookupId, Pending>();
  private lastId = 0;

  begin(key: Key, entry: NodeId, at: number, done: (outcome: LookupOutcome) => void): LookupId {
    this.pending.set(++this.lastId, { key, entry, at, done });
    return this.lastId;
  }

  end(id: LookupId, now: number, effect: LookupOutcome['effect'], failure?: LookupOutcome['failure']): void {
    const lookup = this.pending.get(id);
    assert(lookup !== undefined, 'a lookup ends once');
    this.pending.delete(id);
    const { key, entry, at, done } = lookup;
    const { root, path = [] } = effect ?? {};
    done({ key, entry, root: root?.nodeId, path, tookMs: now - at, effect, failure });
  }

  /** Ends those that began at a machine that is no more. */
  killedAt(entry: NodeId, now: number): void {
    for (const [id, lookup] of this.pending) if (lookup.entry === entry) this.end(id, now, undefined, 'killed');
  }
}
