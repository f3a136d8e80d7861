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
import { Hearsay } from './hearsay.ts';
import { Heartbeats } from './heartbeats.ts';
import { Join } from './join.ts';
import { Liveness } from './liveness.ts';
import { Lookups } from './lookups.ts';
import type { OverlayMessage } from './messages.ts';
import { Ownership } from './ownership.ts';
import type { OverlayParameters } from './parameters.ts';
import { Placement } from './placement.ts';
import { Remembered } from './remembered.ts';
import { Repair } from './repair.ts';
import { RowSupply } from './row-supply.ts';
import { TableRepair } from './table-repair.ts';

/** Rounds of settling after one event; each follows from a change, so there are few. */
const SETTLE_ROUNDS_MAX = 100;

export class OverlayNode {
  private readonly core: Core;
  private readonly liveness: Liveness;
  private readonly remembered: Remembered;
  private readonly placement: Placement;
  private readonly hearsay: Hearsay;
  private readonly acquaintance: Acquaintance;
  private readonly repair: Repair;
  private readonly rowSupply: RowSupply;
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
      died: (node) => this.acquaintance.lose(node, { remember: true }),
    });
    this.remembered = new Remembered(core);
    const { liveness, remembered } = this;
    this.placement = new Placement(core, remembered, (node) => this.repair.gone(node));
    this.hearsay = new Hearsay(core, liveness, remembered, this.placement);
    const { placement, hearsay } = this;
    this.acquaintance = new Acquaintance(
      core,
      { liveness, remembered, placement, hearsay },
      {
        leafLost: (node, place, goodbye) => this.repair.leafLost(node, place, goodbye),
        leafCandidateFailed: (node) => this.repair.leafCandidateFailed(node),
        exchanged: (node, contacts) => this.repair.exchanged(node, contacts),
        gone: (node) => {
          this.repair.gone(node);
          this.forwarding.gone(node);
        },
        strangerMet: (contact) => this.join.locate(contact),
      },
    );
    this.repair = new Repair(core, liveness, hearsay, remembered);
    this.rowSupply = new RowSupply(core);
    this.tableRepair = new TableRepair(core, liveness, hearsay);
    this.heartbeats = new Heartbeats(core, this.liveness);
    this.ownership = new Ownership(core, remembered, () => this.repair.pending);
    this.lookups = new Lookups(core, (key, requestId) => {
      this.forwarding.begin(key, requestId);
    });
    this.forwarding = new Forwarding(core, this.liveness, this.ownership, {
      foundHere: (message) => {
        this.lookups.onFound(core.contact, message);
      },
      joinPasses: (message) => this.rowSupply.supplyRows(message),
      joinEnds: (message) => this.rowSupply.supplyLeafSet(message),
      hintFor: (sender, key) => this.rowSupply.hintFor(sender, key),
      hinted: (hint) => this.tableRepair.onHint(hint),
    });
    this.join = new Join(core, hearsay, this.repair, () => {
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
    this.repair.afterSleep();
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
    return this.core.table.entries().map((node) => node.contact);
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
    if (!this.acquaintance.holdsItsId(from)) return;
    const node = this.core.known.get(from.nodeId);
    if (node !== undefined) {
      node.heardAt = this.core.now;
      node.heard = true;
      // Nobody knows a node's addresses better than itself.
      node.contact = from;
      this.liveness.onHeard(node, message.type === 'ack');
    }
    switch (message.type) {
      case 'ack':
        if (node !== undefined) this.liveness.onEcho(node, message.messageId);
        this.forwarding.onAck(message, from.nodeId);
        break;
      case 'lookup':
        this.forwarding.onLookup(from, message);
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
        else this.tableRepair.onRow(from, message);
        break;
      case 'row-request':
        this.rowSupply.onRowRequest(from, message);
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
        // Who watches one of our leaves is a leaf itself; a stranger's word would make all of us check.
        if (node?.inLeafSet !== true) break;
        this.acquaintance.doubtDead(message);
        this.repair.onFailure(message.contacts);
        break;
      case 'goodbye':
        if (node !== undefined) {
          this.acquaintance.lose(node, { remember: !message.forGood, goodbye: message.contacts });
        }
        break;
    }
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
      this.placement.trimLeafSet();
      this.hearsay.considerTable();
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
