/**
 * One node of the overlay as a pure state machine, in the manner of etcd's raft: events go in, effects come out.
 * It has no clock, no timers, no chance and no I/O of its own, so that one and the same code runs in a peer, in a
 * simulation of 65,536 nodes and in tests, and any run replays from its seed. This file only wires the parts and
 * hands each event to the one that it concerns.
 */

import { assert } from '../base/assert.ts';
import type { Random } from '../base/random.ts';
import type { Contact } from '../id/contact.ts';
import type { Key } from '../id/id-space.ts';
import type { KeyInterval } from '../id/interval.ts';
import { Acquaintance } from './acquaintance.ts';
import { Core, type LifeState } from './core.ts';
import type { OverlayEffect, OverlayEvent } from './events.ts';
import { Forwarding } from './forwarding.ts';
import { Heartbeats } from './heartbeats.ts';
import { Join } from './join.ts';
import { Liveness } from './liveness.ts';
import { Lookups } from './lookups.ts';
import type { OverlayMessage } from './messages.ts';
import { Ownership } from './ownership.ts';
import type { OverlayParameters } from './parameters.ts';
import { Remembered } from './remembered.ts';
import { Repair } from './repair.ts';
import { TableRepair } from './table-repair.ts';

/** Rounds of settling after one event; each follows from a change, so there are few. */
const SETTLE_ROUNDS_MAX = 100;

export class OverlayNode {
  private readonly core: Core;
  private readonly liveness: Liveness;
  private readonly remembered: Remembered;
  private readonly acquaintance: Acquaintance;
  private readonly repair: Repair;
  private readonly tableRepair: TableRepair;
  private readonly heartbeats: Heartbeats;
  private readonly ownership: Ownership;
  private readonly forwarding: Forwarding;
  private readonly join: Join;
  private readonly lookups: Lookups;

  /** @throws InvariantError if the parameters contradict each other */
  constructor(self: Contact, parameters: OverlayParameters, random: Random) {
    const core = new Core(self, parameters, random);
    this.core = core;
    this.liveness = new Liveness(core, {
      confirmed: (node) => this.acquaintance.admit(node),
      failed: (node) => this.acquaintance.dismiss(node),
      died: (node) => this.acquaintance.lose(node, true, false),
    });
    this.remembered = new Remembered(core, {
      reprobe: (contact) => this.acquaintance.reprobe(contact),
    });
    this.acquaintance = new Acquaintance(core, this.liveness, this.remembered, {
      leafLost: (node, place) => this.repair.leafLost(node, place),
      leafCandidateFailed: (node) => this.repair.leafCandidateFailed(node),
      activeLeafSet: (sender, contacts) => {
        this.repair.checkAbsent(sender, contacts);
      },
      exchanged: (node, contacts) => {
        this.repair.exchanged(node, contacts);
      },
      gone: (node) => {
        this.repair.gone(node);
        this.forwarding.gone(node);
      },
      released: (node) => {
        this.repair.gone(node);
      },
      strangerMet: (contact) => {
        this.join.locate(contact);
      },
    });
    this.repair = new Repair(core, this.liveness, this.acquaintance);
    this.tableRepair = new TableRepair(core, this.acquaintance);
    this.heartbeats = new Heartbeats(core, this.liveness);
    this.ownership = new Ownership(core, () => this.repair.pending);
    this.lookups = new Lookups(core, (key, requestId) => {
      this.forwarding.begin(key, requestId);
    });
    this.forwarding = new Forwarding(core, this.liveness, this.ownership, {
      foundHere: (message) => {
        this.lookups.onFound(core.contact, message);
      },
      joinPasses: (message) => this.tableRepair.supplyRows(message),
      joinEnds: (message) => {
        this.tableRepair.supplyLeafSet(message);
      },
    });
    this.join = new Join(core, this.acquaintance, this.repair, () => {
      this.heartbeats.announce();
      this.repair.startSwapping();
      this.tableRepair.start();
    });
  }

  get state(): LifeState {
    return this.core.state;
  }

  get self(): Contact {
    return this.core.contact;
  }

  /**
   * Takes an event in and gives back what is to be done for it, in order.
   *
   * @param now milliseconds on any clock that never goes back; events must come in the order of time
   */
  step(event: OverlayEvent, now: number): OverlayEffect[] {
    const { core } = this;
    core.advanceTo(now);
    if (core.state === 'stopped') {
      if (event.type === 'lookup') this.lookups.start(event.key, event.lookupId);
      return core.takeEffects();
    }
    this.handle(event);
    core.deadlines.runDue(now);
    this.settle();
    return core.takeEffects();
  }

  /** When the next `tick` is due, ms; Infinity when nothing is waited for. */
  nextDeadline(): number {
    return this.core.deadlines.next();
  }

  /** Members that are thought to be alive, in no particular order. */
  leafSet(): readonly Contact[] {
    return this.core.leafSet.members().map((node) => node.contact);
  }

  /** All that is worth keeping over a restart: leaf set first, then table, then those that are gone. */
  knownContacts(): readonly Contact[] {
    const { core } = this;
    const contacts = new Map(core.leafSet.members().map((node) => [node.nodeId, node.contact]));
    for (const node of core.table.entries()) contacts.set(node.nodeId, node.contact);
    for (const contact of [...this.remembered.contacts(), ...this.join.pendingSeeds()]) {
      if (!contacts.has(contact.nodeId)) contacts.set(contact.nodeId, contact);
    }
    return [...contacts.values()];
  }

  /** Entries of the routing table, for display and statistics. */
  tableContacts(): readonly Contact[] {
    return Array.from(this.core.table.entries(), (node) => node.contact);
  }

  /** Active, the leaf set without gaps, and no node known that is closer, not even a doubtful one. */
  isRoot(key: Key): boolean {
    return this.ownership.isRoot(key);
  }

  /** The closest of this node and its leaf set. */
  closest(key: Key): Contact {
    return this.ownership.closest(key);
  }

  /** The k closest nodes, closest first (fewer only on a smaller ring); undefined when the leaf set does not reach far enough to be sure, or k > l. */
  replicaSet(key: Key, k: number): readonly Contact[] | undefined {
    return this.ownership.replicaSet(key, k);
  }

  /** The keys that this node answers for; none while it is not sure. */
  intervals(): readonly KeyInterval[] {
    return this.ownership.intervals();
  }

  private handle(event: OverlayEvent): void {
    const { core } = this;
    switch (event.type) {
      case 'start':
        this.start(event.seeds, event.alone === true);
        break;
      case 'message':
        if (core.state !== 'idle' && event.from.nodeId !== core.self) this.receive(event.from, event.message);
        break;
      case 'unreachable':
        this.liveness.onUnreachable(event.contact);
        this.join.onUnreachable(event.contact);
        break;
      case 'lookup':
        this.lookups.start(event.key, event.lookupId);
        break;
      case 'contacts':
        this.join.hearOf(event.contacts);
        break;
      case 'stop':
      case 'leave':
        this.part(event.type === 'leave');
        break;
      case 'tick':
        break;
    }
  }

  private start(seeds: readonly Contact[], alone: boolean): void {
    if (this.core.state === 'idle') {
      this.join.start(seeds, alone);
      this.heartbeats.start();
    } else if (this.core.state === 'joining') {
      this.join.addSeeds(seeds);
      if (alone) this.join.found();
    }
  }

  private receive(from: Contact, message: OverlayMessage): void {
    if (!this.holdsItsId(from)) return;
    const node = this.core.known.get(from.nodeId);
    if (node !== undefined) {
      node.heardAt = this.core.now;
      node.heard = true;
      // Nobody knows a node's addresses better than itself.
      node.contact = from;
    }
    switch (message.type) {
      case 'ack':
        if (node !== undefined) this.liveness.onEcho(node, message.messageId);
        this.forwarding.onAck(message.messageId, from.nodeId);
        break;
      case 'lookup':
        this.forwarding.onLookup(from, message);
        this.tableRepair.onLookupFrom(from, message);
        break;
      case 'found':
        this.core.sendTo(from, { type: 'ack', messageId: message.messageId });
        this.lookups.onFound(from, message);
        break;
      case 'join':
        this.forwarding.onJoin(from, message);
        break;
      case 'contacts':
        if (this.join.owns(message.requestId)) this.join.onContacts(from, message);
        else this.tableRepair.onRow(message.contacts, message.requestId);
        break;
      case 'row-request':
        this.tableRepair.onRowRequest(from, message);
        break;
      case 'probe':
        this.acquaintance.onProbe(from, message);
        break;
      case 'probe-reply':
        if (node !== undefined) this.acquaintance.onReply(node, message);
        break;
      case 'heartbeat':
        if (node === undefined) this.acquaintance.meet(from);
        else if (message.active) this.join.onActiveNeighbour(node);
        break;
      case 'failure':
        this.repair.onFailure(from, message);
        break;
      case 'goodbye':
        if (node === undefined) break;
        node.heirs = message.contacts;
        this.acquaintance.lose(node, !message.forGood, true);
        break;
    }
  }

  /** An id passes on once its holder has left for good: the later certificate counts, and ends what was known of the earlier holder. */
  private holdsItsId(from: Contact): boolean {
    const known = this.core.known.get(from.nodeId);
    if (known === undefined || known.contact.peerId === from.peerId) return true;
    if (from.serial <= known.contact.serial) return false;
    this.acquaintance.lose(known, false, false);
    return true;
  }

  private part(forGood: boolean): void {
    const { core } = this;
    const contacts = core.neighbourhood();
    for (const node of core.leafSet.members()) core.send(node, { type: 'goodbye', forGood, contacts });
    this.lookups.stop();
    this.forwarding.stop();
    core.state = 'stopped';
    core.deadlines.clear();
  }

  /** Looks once at all that waits for a change, until nothing changes any more. */
  private settle(): void {
    const { core } = this;
    if (core.state === 'stopped') return;
    for (let round = 0; core.viewChanged; round++) {
      assert(round < SETTLE_ROUNDS_MAX, 'settling ends');
      core.viewChanged = false;
      this.repair.settle();
      this.join.settle();
      this.forwarding.settle();
      if (core.neighboursChanged) {
        core.neighboursChanged = false;
        this.heartbeats.neighboursChanged();
        core.emit({ type: 'neighbours-changed' });
      }
    }
  }
}
