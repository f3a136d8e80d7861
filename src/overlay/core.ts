/**
 * What the parts of one overlay node share: the tables, the records of known nodes, the deadlines, and the list of
 * effects of the step under way. It decides nothing. Parts call each other through the narrow ports that
 * overlay-node.ts wires; whatever changes the view sets `viewChanged`, so that waiting work is looked at once a step.
 */

import { assert } from '../base/assert.ts';
import { randomBelow, type Random } from '../base/random.ts';
import type { Contact } from '../id/contact.ts';
import type { NodeId } from '../id/id-space.ts';
import { Deadlines } from './deadlines.ts';
import type { OverlayEffect, OverlayFact } from './events.ts';
import type { Geometry } from './geometry.ts';
import { KnownNode } from './known-node.ts';
import { LeafSet } from './leaf-set.ts';
import { CONTACTS_MAX, DEAD_MAX, MESSAGE_IDS, REQUEST_IDS, type Death, type OverlayMessage } from './messages.ts';
import { checkOverlayParameters, type OverlayParameters } from './parameters.ts';
import { PastryGeometry } from './pastry.ts';
import { RoutingTable } from './routing-table.ts';

export type LifeState = 'idle' | 'joining' | 'active' | 'stopped';

/** One geometry serves all nodes of a process: it has no state. */
const geometries = { 16: new PastryGeometry(16), 32: new PastryGeometry(32) };
const NOBODY: readonly Death[] = [];
/** Deaths kept in mind, far more than are told: one that was forgotten would be taken for news, and told for ever. */
const GRAVES_MAX = 256;
const checked = new WeakSet<OverlayParameters>();

export class Core {
  readonly contact: Contact;
  readonly self: NodeId;
  readonly parameters: OverlayParameters;
  readonly random: Random;
  readonly geometry: Geometry;
  readonly leafSet: LeafSet;
  readonly table: RoutingTable;
  readonly known = new Map<NodeId, KnownNode>();
  /** Those of `known` in state candidate. */
  readonly candidates = new Set<KnownNode>();
  readonly deadlines = new Deadlines();
  state: LifeState = 'idle';
  /** Time of the step under way, ms. */
  now = 0;
  /** Before this, silence of others proves nothing: this process slept. */
  wokeAt = -Infinity;
  /** How long it slept before this step, ms; for the one who acts on it to reset. */
  sleptMs = 0;
  /** Leaf set, suspicion or state changed in this step. */
  viewChanged = false;
  neighboursChanged = false;
  /** A table entry may have come to stand between two leaves. */
  tableMayFit = false;
  /** How often somebody nearby was found dead, or said to be. */
  deathsKnown = 0;
  /** When each of them was found gone. */
  private readonly graves = new Map<NodeId, number>();
  private effects: OverlayEffect[] = [];
  private lastMessageId: number;
  private lastRequestId: number;

  constructor(contact: Contact, parameters: OverlayParameters, random: Random) {
    if (!checked.has(parameters)) {
      checkOverlayParameters(parameters);
      checked.add(parameters);
    }
    this.geometry = geometries[parameters.idBits];
    assert(this.geometry.space.contains(contact.nodeId), 'the own id lies on the ring');
    this.contact = contact;
    this.self = contact.nodeId;
    this.parameters = parameters;
    this.random = random;
    this.leafSet = new LeafSet(this.geometry.space, this.self, parameters.leafSetHalf);
    this.table = new RoutingTable(this.geometry, this.self);
    // A restarted node must not repeat the ids of its former life: others remember them for a while.
    this.lastMessageId = randomBelow(random, MESSAGE_IDS);
    this.lastRequestId = randomBelow(random, REQUEST_IDS);
  }

  /** Begins a step. One that comes long after a deadline means that this process slept: what it did not hear proves nothing. */
  advanceTo(now: number): void {
    assert(now >= this.now, 'time does not go back');
    this.now = now;
    const lateMs = now - this.deadlines.next();
    if (!(lateMs > this.parameters.stallMs)) return;
    this.deadlines.postpone(lateMs);
    this.wokeAt = now;
    this.sleptMs = lateMs;
    this.observe({ kind: 'stalled', lateMs });
  }

  newMessageId(): number {
    this.lastMessageId = (this.lastMessageId + 1) % MESSAGE_IDS || 1;
    return this.lastMessageId;
  }

  newRequestId(): number {
    this.lastRequestId = (this.lastRequestId + 1) % REQUEST_IDS || 1;
    return this.lastRequestId;
  }

  emit(effect: OverlayEffect): void {
    this.effects.push(effect);
  }

  takeEffects(): OverlayEffect[] {
    const { effects } = this;
    this.effects = [];
    return effects;
  }

  observe(fact: OverlayFact): void {
    this.effects.push({ type: 'observe', fact });
  }

  send(node: KnownNode, message: OverlayMessage): void {
    node.sentAt = this.now;
    this.effects.push({ type: 'send', to: node.contact, message });
  }

  /** To somebody of whom no record is kept. */
  sendTo(to: Contact, message: OverlayMessage): void {
    const node = this.known.get(to.nodeId);
    if (node === undefined) this.effects.push({ type: 'send', to, message });
    else this.send(node, message);
  }

  /** A period, varied so that nodes do not act in step. */
  jittered(ms: number): number {
    return ms * (1 - this.parameters.jitter * this.random());
  }

  /** The record of a new candidate. */
  learn(contact: Contact): KnownNode {
    const node = new KnownNode(contact);
    this.known.set(contact.nodeId, node);
    this.candidates.add(node);
    return node;
  }

  /** A leaf is gone: others hear of it for a while, with every exchange. */
  bury(id: NodeId): void {
    this.graves.delete(id);
    this.hearOfDeath(id, this.now);
  }

  /** Word of a death nearby is passed on, but never twice, lest it go round for ever. */
  hearOfDeath(id: NodeId, at: number): void {
    if (this.graves.has(id)) return;
    this.graves.set(id, at);
    this.deathsKnown += 1;
    if (this.graves.size <= GRAVES_MAX) return;
    const [oldest] = this.graves.keys();
    if (oldest !== undefined) this.graves.delete(oldest);
  }

  isBuried(id: NodeId): boolean {
    return this.graves.has(id);
  }

  /** It lives. */
  unbury(id: NodeId): void {
    this.graves.delete(id);
  }

  /** Former leaves found gone lately. */
  dead(): readonly Death[] {
    if (this.graves.size === 0) return NOBODY;
    const dead: Death[] = [];
    for (const [nodeId, at] of this.graves) {
      const agoMs = this.now - at;
      if (agoMs < this.parameters.deathToldMs) dead.push({ nodeId, agoMs });
    }
    return dead.slice(-DEAD_MAX);
  }

  /** Drops a record that nothing needs any more; says whether it did. */
  release(node: KnownNode): boolean {
    if (node.inLeafSet || node.inTable || node.state === 'candidate') return false;
    this.deadlines.cancel(node.probe?.deadline);
    node.probe = undefined;
    node.state = 'gone';
    if (this.known.get(node.nodeId) === node) this.known.delete(node.nodeId);
    return true;
  }

  /**
   * What an exchange carries: the leaf set, and those near enough that are about to enter it. The suspected are among
   * them: left out, they would be suspected by the receiver, too, and by those that it writes to, without end.
   */
  neighbourhood(): Contact[] {
    const contacts = this.leafSet.members().map((node) => node.contact);
    // One place is left for the sender itself, where it names itself among the others.
    let room = Math.min(2 * this.parameters.leafSetHalf, CONTACTS_MAX - 1 - contacts.length);
    for (const node of this.candidates) {
      if (room <= 0) break;
      if (!node.heard || !node.forLeafSet) continue;
      contacts.push(node.contact);
      room -= 1;
    }
    return contacts;
  }
}
