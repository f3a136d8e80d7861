/**
 * Nodes that were known and are gone: dead, stopped, or cut off by a partition. They are probed again, ever more
 * rarely, because that is what heals two rings; and until the next probe is due, hearsay about them is not
 * believed, because that is how the dead return.
 */

import type { Contact } from '../id/contact.ts';
import type { NodeId } from '../id/id-space.ts';
import type { Core } from './core.ts';
import type { Deadline } from './deadlines.ts';

type Memory = { readonly contact: Contact; waitMs: number; dueAt: number };

export type RememberedPorts = {
  /** One probe; ends in `forget` or in `add`. */
  reprobe(contact: Contact): void;
};

export class Remembered {
  private readonly core: Core;
  private readonly ports: RememberedPorts;
  private readonly memories = new Map<NodeId, Memory>();
  private deadline: Deadline | undefined = undefined;

  constructor(core: Core, ports: RememberedPorts) {
    this.core = core;
    this.ports = ports;
  }

  contacts(): Contact[] {
    return Array.from(this.memories.values(), (memory) => memory.contact);
  }

  has(id: NodeId): boolean {
    return this.memories.has(id);
  }

  /** Remembers a node; when it is remembered already it has failed again, and waits twice as long. */
  add(contact: Contact): void {
    const { parameters } = this.core;
    const before = this.memories.get(contact.nodeId);
    const waitMs =
      before === undefined ? parameters.reprobeFirstMs : Math.min(2 * before.waitMs, parameters.reprobeCapMs);
    this.memories.delete(contact.nodeId);
    this.memories.set(contact.nodeId, { contact, waitMs, dueAt: this.core.now + this.core.jittered(waitMs) });
    if (this.memories.size > parameters.rememberedMax) {
      const [oldest] = this.memories.keys();
      if (oldest !== undefined) this.memories.delete(oldest);
    }
    this.schedule();
  }

  forget(id: NodeId): void {
    this.memories.delete(id);
  }

  /** Whether another's word about a node is to be ignored for now; new addresses are always worth a try. */
  blocks(contact: Contact): boolean {
    const memory = this.memories.get(contact.nodeId);
    if (memory === undefined || memory.dueAt <= this.core.now) return false;
    const { peerId, addrs } = memory.contact;
    return (
      peerId === contact.peerId &&
      addrs.length === contact.addrs.length &&
      addrs.every((a) => contact.addrs.includes(a))
    );
  }

  private schedule(): void {
    if (this.deadline?.run !== undefined || this.memories.size === 0) return;
    let earliest = Infinity;
    for (const memory of this.memories.values()) earliest = Math.min(earliest, memory.dueAt);
    this.deadline = this.core.deadlines.set(Math.max(earliest, this.core.now), () => {
      this.reprobeDue();
    });
  }

  /** One at a time: the others' turn comes a little later. */
  private reprobeDue(): void {
    const { core } = this;
    for (const memory of this.memories.values()) {
      if (memory.dueAt > core.now) continue;
      memory.dueAt = core.now + core.jittered(memory.waitMs);
      this.ports.reprobe(memory.contact);
      break;
    }
    this.schedule();
  }
}
