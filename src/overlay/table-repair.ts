/**
 * Keeping the routing table full and near. At a slow pace this node asks a near one for a row that it has:
 * empty slots are filled, and whoever may be nearer than the holder of a slot is probed. The row comes with the
 * teller's round trips, so that only promising ones are: those near a node that is near us are near us, too. A node
 * soon knows its surroundings (as in T-Man: Jelasity, Montresor and Babaoglu 2009), and then asks ever more rarely.
 *
 * A slot whose holder failed costs no message: the hop that the next lookup takes instead names another with its
 * acknowledgement, and the lookup after that tries it.
 */

import type { Contact } from '../id/contact.ts';
import type { NodeId } from '../id/id-space.ts';
import { randomBelow } from '../base/random.ts';
import type { Core } from './core.ts';
import type { Hearsay } from './hearsay.ts';
import type { KnownNode } from './known-node.ts';
import type { Liveness } from './liveness.ts';
import type { ContactsMessage } from './messages.ts';

/** One of so many of the nearest is asked: the very nearest would tell the same again. */
const NEAREST_ASKED = 4;
/** A contact is probed if its round trip, as far as one can tell, is at most so many times the holder's. */
const PROMISING_RATIO = 1.2;
/** The wait grows while a row brings nothing nearer. */
const WAIT_GROWTH = 1.5;

type Prospect = { readonly contact: Contact; readonly ratio: number };

export class TableRepair {
  private readonly core: Core;
  private readonly liveness: Liveness;
  private readonly hearsay: Hearsay;
  private asked: { readonly teller: NodeId; readonly requestId: number } | undefined = undefined;
  private waitMs: number;
  /** Probed because of the last row. */
  private tried: KnownNode[] = [];

  constructor(core: Core, liveness: Liveness, hearsay: Hearsay) {
    this.core = core;
    this.liveness = liveness;
    this.hearsay = hearsay;
    this.waitMs = core.parameters.tableRepairFirstMs;
  }

  start(): void {
    this.takeTurnAfter(this.core.jittered(this.waitMs) * this.core.random());
  }

  /** A row that was asked for; any other is dropped. */
  onRow(from: Contact, message: ContactsMessage): void {
    const { core } = this;
    if (message.requestId !== this.asked?.requestId || from.nodeId !== this.asked.teller) return;
    this.asked = undefined;
    const teller = core.known.get(from.nodeId);
    const prospects: Prospect[] = [];
    for (const [index, contact] of message.contacts.entries()) {
      if (core.table.hasRoomFor(contact.nodeId)) {
        if (this.hearsay.consider(contact)) this.note(contact);
        continue;
      }
      const ratio = this.promise(contact, teller?.smoothedMs ?? -1, message.roundTripsMs[index] ?? 0);
      if (ratio < PROMISING_RATIO) prospects.push({ contact, ratio });
    }
    prospects.sort((a, b) => a.ratio - b.ratio);
    for (const { contact } of prospects.slice(0, core.parameters.nearerProbesMax)) {
      if (this.hearsay.considerNearer(contact)) this.note(contact);
    }
  }

  /** With an acknowledgement came the name of a node that we seem to lack. */
  onHint(hint: Contact): void {
    this.hearsay.putOnTrial(hint);
  }

  private note(contact: Contact): void {
    const node = this.core.known.get(contact.nodeId);
    if (node !== undefined) this.tried.push(node);
  }

  /**
   * The expected round trip to a contact over that to the holder of its slot. Of the triangle us, teller, contact two
   * sides are known; over all angles between them the square of the third is on average the sum of their squares.
   */
  private promise(contact: Contact, tellerMs: number, fromTellerMs: number): number {
    const holderMs = this.core.table.holder(contact.nodeId)?.smoothedMs ?? -1;
    if (tellerMs <= 0 || fromTellerMs <= 0 || holderMs <= 0) return Infinity;
    return Math.hypot(tellerMs, fromTellerMs) / holderMs;
  }

  private takeTurnAfter(ms: number): void {
    const { core } = this;
    core.deadlines.set(core.now + ms, () => {
      this.takeTurn();
    });
  }

  private takeTurn(): void {
    const { core } = this;
    const gained = this.tried.some((node) => node.inTable);
    this.tried = [];
    if (!gained) this.waitMs = Math.min(WAIT_GROWTH * this.waitMs, core.parameters.tableRepairCapMs);
    const doubtful = this.doubtful();
    if (doubtful === undefined) this.askForRow();
    else this.liveness.check(doubtful);
    this.takeTurnAfter(core.jittered(this.waitMs));
  }

  /** An entry that is passed over and that nobody is probing. */
  private doubtful(): KnownNode | undefined {
    for (const node of this.core.table.entries()) {
      if (node.state === 'suspected' && node.probe === undefined) return node;
    }
    return undefined;
  }

  private askForRow(): void {
    const { core } = this;
    const entries = core.table.entries();
    const any = entries[randomBelow(core.random, entries.length)];
    if (any === undefined) return;
    // A full row comes up more often: there is more to choose among for it.
    const row = core.geometry.row(core.self, any.nodeId);
    const near = this.tellers(row).sort((a, b) => a.smoothedMs - b.smoothedMs);
    const teller = near[randomBelow(core.random, Math.min(NEAREST_ASKED, near.length))];
    if (teller === undefined) return;
    const requestId = core.newRequestId();
    this.asked = { teller: teller.nodeId, requestId };
    core.send(teller, { type: 'row-request', requestId, row });
  }

  /** Those whose row fits us, too, because they share the digits before it. */
  private tellers(row: number): KnownNode[] {
    const { core } = this;
    const tellers: KnownNode[] = [];
    for (const node of core.table.entries(row)) if (node.state === 'live') tellers.push(node);
    for (const node of core.leafSet.members()) {
      if (node.state === 'live' && !node.inTable && core.geometry.row(core.self, node.nodeId) >= row)
        tellers.push(node);
    }
    return tellers;
  }
}
