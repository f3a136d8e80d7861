/**
 * How nodes come into the tables and go out of them. Hearsay is probed if it would matter, and enters once it has
 * answered; a node that probes us is verified by its echo. What goes out is remembered, and leaves a gap to repair.
 */

import type { Contact } from '../id/contact.ts';
import type { NodeId } from '../id/id-space.ts';
import type { Core } from './core.ts';
import type { KnownNode } from './known-node.ts';
import type { Liveness } from './liveness.ts';
import type { ProbeMessage, ProbeReplyMessage } from './messages.ts';
import type { Remembered } from './remembered.ts';

export type AcquaintancePorts = {
  /** A member of the leaf set is gone; `wasWhole`: the set held the whole ring. */
  leafLost(node: KnownNode, place: LostPlace): void;
  /** A candidate for the leaf set did not answer. */
  leafCandidateFailed(node: KnownNode): void;
  /** An exchange has been answered, and its contacts considered. */
  exchanged(node: KnownNode, contacts: readonly Contact[]): void;
  /** A node that has joined tells its leaf set. */
  activeLeafSet(sender: NodeId, contacts: readonly Contact[]): void;
  /** Nothing more will come from it. */
  gone(node: KnownNode): void;
  /** It lives, but nothing needs it any more. */
  released(node: KnownNode): void;
  /** A node that was remembered, or met from outside, is alive and no neighbour: perhaps it is on another ring. */
  strangerMet(contact: Contact): void;
};

/** Where a lost leaf had been. */
export type LostPlace = {
  readonly wasWhole: boolean;
  readonly wasSuccessor: boolean;
  readonly wasPredecessor: boolean;
  /** It said goodbye itself, to all its leaves. */
  readonly saidGoodbye: boolean;
};

export class Acquaintance {
  private readonly core: Core;
  private readonly liveness: Liveness;
  private readonly remembered: Remembered;
  private readonly ports: AcquaintancePorts;

  constructor(core: Core, liveness: Liveness, remembered: Remembered, ports: AcquaintancePorts) {
    this.core = core;
    this.liveness = liveness;
    this.remembered = remembered;
    this.ports = ports;
  }

  /** Probes a node that somebody told of if it would enter the leaf set or an empty slot; says whether it does. */
  consider(contact: Contact): boolean {
    const { core } = this;
    const id = contact.nodeId;
    const known = core.known.get(id);
    if (known !== undefined) return this.considerKnown(known);
    if (id === core.self || this.remembered.blocks(contact)) return false;
    const forLeafSet = core.leafSet.wouldEnter(id, core.candidates);
    if (!forLeafSet && !this.hasRoom(id)) return false;
    this.probeNew(contact, forLeafSet);
    return true;
  }

  /** The same for the table only: while joining, whoever comes first would enter an empty leaf set. */
  considerForTable(contact: Contact): boolean {
    const { core } = this;
    const id = contact.nodeId;
    if (id === core.self || core.known.has(id) || this.remembered.blocks(contact) || !this.hasRoom(id)) return false;
    this.probeNew(contact, false);
    return true;
  }

  considerAll(contacts: readonly Contact[]): void {
    for (const contact of contacts) this.consider(contact);
  }

  /** Probes a node although its slot is taken, to see whether it is nearer. */
  considerNearer(contact: Contact): boolean {
    const { core } = this;
    if (contact.nodeId === core.self || core.known.has(contact.nodeId) || this.remembered.blocks(contact)) return false;
    this.probeNew(contact, false);
    return true;
  }

  /** One probe for a node that is remembered. */
  reprobe(contact: Contact): void {
    const { core } = this;
    if (contact.nodeId === core.self || core.known.has(contact.nodeId)) return;
    // Not counted as a leaf to be: it will hardly answer, and must keep nobody out meanwhile.
    const node = core.learn(contact);
    this.liveness.probe(node, true, [core.parameters.checkTimeoutMs]);
  }

  /** A node of which we know nothing has written to us as to a neighbour. */
  meet(from: Contact): void {
    const { core } = this;
    if (core.known.has(from.nodeId) || this.remembered.blocks(from)) return;
    const node = core.learn(from);
    node.heard = true;
    node.forLeafSet = core.leafSet.wouldEnter(from.nodeId, core.candidates);
    this.liveness.probe(node, true);
  }

  onProbe(from: Contact, message: ProbeMessage): void {
    const { core } = this;
    let node = core.known.get(from.nodeId);
    if (node === undefined) {
      node = core.learn(from);
      node.heard = true;
      node.heardAt = core.now;
    }
    if (node.state === 'candidate') node.forLeafSet ||= core.leafSet.wouldEnter(from.nodeId, core.candidates);
    if (message.exchange) node.active = message.active;
    const replyId = node.state === 'candidate' ? this.liveness.awaitEcho(node) : 0;
    core.send(node, {
      type: 'probe-reply',
      messageId: message.messageId,
      replyId,
      exchange: message.exchange,
      active: core.state === 'active',
      contacts: message.exchange ? core.neighbourhood() : [],
    });
    this.considerAll(message.contacts);
    if (message.exchange && message.active) this.ports.activeLeafSet(from.nodeId, message.contacts);
  }

  onReply(node: KnownNode, message: ProbeReplyMessage): void {
    const { core } = this;
    if (message.replyId !== 0) core.send(node, { type: 'ack', messageId: message.replyId });
    if (message.exchange) node.active = message.active;
    this.liveness.onReply(node, message);
    this.considerAll(message.contacts);
    if (!message.exchange) return;
    this.ports.exchanged(node, message.contacts);
    if (message.active) this.ports.activeLeafSet(node.nodeId, message.contacts);
    core.viewChanged = true;
  }

  /** A candidate has proven itself: it enters wherever it belongs. */
  admit(node: KnownNode): void {
    const { core } = this;
    core.candidates.delete(node);
    node.state = 'live';
    const { forLeafSet } = node;
    node.forLeafSet = false;
    const wasRemembered = this.remembered.has(node.nodeId);
    this.remembered.forget(node.nodeId);
    core.viewChanged = true;
    const isLeaf = (forLeafSet || core.state === 'active') && this.insertLeaf(node);
    this.offerToTable(node);
    this.release(node);
    if (wasRemembered && !isLeaf) this.ports.strangerMet(node.contact);
  }

  /** A candidate has not answered. */
  dismiss(node: KnownNode): void {
    const { core } = this;
    core.candidates.delete(node);
    core.viewChanged = true;
    node.state = 'gone';
    core.known.delete(node.nodeId);
    this.remembered.add(node.contact);
    this.ports.gone(node);
    if (node.forLeafSet) this.ports.leafCandidateFailed(node);
  }

  /** Takes a node out of everything. `remember`: it may be back. */
  lose(node: KnownNode, remember: boolean, saidGoodbye: boolean): void {
    const { core } = this;
    const { leafSet } = core;
    core.candidates.delete(node);
    core.deadlines.cancel(node.probe?.deadline);
    node.probe = undefined;
    const place: LostPlace = {
      wasWhole: leafSet.overlaps(),
      wasSuccessor: leafSet.clockwise[0] === node,
      wasPredecessor: leafSet.counterclockwise[0] === node,
      saidGoodbye,
    };
    const wasLeaf = leafSet.remove(node);
    core.table.remove(node);
    node.state = 'gone';
    core.known.delete(node.nodeId);
    core.viewChanged = true;
    if (remember) this.remembered.add(node.contact);
    else this.remembered.forget(node.nodeId);
    core.observe({ kind: 'dead', nodeId: node.nodeId });
    this.ports.gone(node);
    if (!wasLeaf) return;
    core.neighboursChanged = true;
    this.ports.leafLost(node, place);
  }

  /** A table entry that turns out to be a neighbour becomes one, and must learn it; a candidate is probed as one. */
  private considerKnown(node: KnownNode): boolean {
    const { core } = this;
    if (node.inLeafSet || node.forLeafSet || node.state === 'suspected') return false;
    if (!core.leafSet.wouldEnter(node.nodeId, core.candidates)) return false;
    if (node.state === 'candidate') node.forLeafSet = true;
    else this.insertLeaf(node);
    this.liveness.probe(node, true);
    return true;
  }

  private insertLeaf(node: KnownNode): boolean {
    const { core } = this;
    const pushedOut = core.leafSet.insert(node);
    if (pushedOut === undefined) return false;
    core.viewChanged = true;
    core.neighboursChanged = true;
    for (const other of pushedOut) {
      if (!other.inTable) this.offerToTable(other);
      this.release(other);
    }
    return true;
  }

  private probeNew(contact: Contact, forLeafSet: boolean): void {
    const node = this.core.learn(contact);
    node.forLeafSet = forLeafSet;
    this.liveness.probe(node, forLeafSet);
  }

  /** An empty slot that no candidate is about to fill. */
  private hasRoom(id: NodeId): boolean {
    const { core } = this;
    if (!core.table.hasRoomFor(id)) return false;
    const row = core.geometry.row(core.self, id);
    const column = core.geometry.column(row, id);
    for (const candidate of core.candidates) {
      if (core.geometry.row(core.self, candidate.nodeId) !== row) continue;
      if (core.geometry.column(row, candidate.nodeId) === column) return false;
    }
    return true;
  }

  private offerToTable(node: KnownNode): void {
    const { replaced } = this.core.table.offer(node);
    if (replaced !== undefined && !replaced.inLeafSet && replaced.state === 'live') this.release(replaced);
  }

  private release(node: KnownNode): void {
    if (this.core.release(node)) this.ports.released(node);
  }
}
