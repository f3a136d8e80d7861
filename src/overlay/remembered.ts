/**
 * Nodes that were known and are gone: dead, stopped, or cut off by a partition. One of them is probed again now and
 * then, because that is what heals two rings; and for a while after each failure hearsay about it is not believed,
 * because that is how the dead return. What a node says itself is no hearsay.
 */

import { randomBelow } from '../base/random.ts';
import type { Contact } from '../id/contact.ts';
import type { NodeId } from '../id/id-space.ts';
import type { Core } from './core.ts';

/** Once may be chance: machines that start are busy. */
const UNECHOED_MAX = 2;

type Memory = {
  readonly contact: Contact;
  readonly failures: number;
  readonly believedFrom: number;
  /** How often it wrote to us and then left our answer unacknowledged. */
  readonly unechoed: number;
  /** Others have spoken of it since it failed. */
  mentioned: boolean;
};

export class Remembered {
  private readonly core: Core;
  /** Least lately failed first. */
  private readonly memories = new Map<NodeId, Memory>();

  constructor(core: Core) {
    this.core = core;
  }

  contacts(): Contact[] {
    return Array.from(this.memories.values(), (memory) => memory.contact);
  }

  has(id: NodeId): boolean {
    return this.memories.has(id);
  }

  /** Remembers a node that has just failed, perhaps after it had written to us itself. */
  add(contact: Contact, hadWritten = false): void {
    const { parameters, now } = this.core;
    const memory = this.memories.get(contact.nodeId);
    const failures = (memory?.failures ?? 0) + 1;
    const unechoed = (memory?.unechoed ?? 0) + (hadWritten ? 1 : 0);
    this.memories.delete(contact.nodeId);
    const believedFrom = now + parameters.disbeliefMs;
    this.memories.set(contact.nodeId, { contact, failures, believedFrom, unechoed, mentioned: false });
    if (this.memories.size <= parameters.rememberedMax) return;
    const [oldest] = this.memories.keys();
    if (oldest !== undefined) this.memories.delete(oldest);
  }

  forget(id: NodeId): void {
    this.memories.delete(id);
  }

  /** It keeps writing and never answers: nothing waits for it any more. */
  isHollow(id: NodeId): boolean {
    return (this.memories.get(id)?.unechoed ?? 0) >= UNECHOED_MAX;
  }

  /** It was spoken of while we did not believe that. */
  mention(id: NodeId): void {
    const memory = this.memories.get(id);
    if (memory !== undefined) memory.mentioned = true;
  }

  /**
   * Whom to probe again: one that others spoke of, else one of those that failed least often, because those long dead
   * are many; and first one that is missed.
   */
  next(isMissed: (id: NodeId) => boolean): Contact | undefined {
    let lowest = Infinity;
    let best: Contact[] = [];
    for (const { contact, failures, believedFrom, mentioned } of this.memories.values()) {
      if (believedFrom > this.core.now) continue;
      const rank = 2 * (mentioned ? 0 : failures) + (isMissed(contact.nodeId) ? 0 : 1);
      if (rank > lowest) continue;
      if (rank < lowest) best = [];
      lowest = rank;
      best.push(contact);
    }
    return best[randomBelow(this.core.random, best.length)];
  }

  /** Whether another's word about a node is to be ignored for now; new addresses are always worth a try. */
  disbelieves(contact: Contact): boolean {
    const memory = this.memories.get(contact.nodeId);
    if (memory === undefined || memory.believedFrom <= this.core.now) return false;
    const { peerId, addrs } = memory.contact;
    return (
      peerId === contact.peerId &&
      addrs.length === contact.addrs.length &&
      addrs.every((a) => contact.addrs.includes(a))
    );
  }
}
