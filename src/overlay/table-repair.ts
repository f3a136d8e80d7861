/**
 * Keeping the routing table full and near: rows for joiners on their way through, rows asked for at a slow pace
 * from a random entry, and a row sent back to whoever passed a lookup on without gaining a digit although we could
 * have (passive repair: it costs something only where it is needed).
 */

import type { Contact } from '../id/contact.ts';
import { randomBelow } from '../base/random.ts';
import type { Acquaintance } from './acquaintance.ts';
import type { Core } from './core.ts';
import { CONTACTS_MAX, type JoinMessage, type LookupMessage, type RowRequestMessage } from './messages.ts';

/** Least time between two rows sent back unasked. */
const PASSIVE_GAP_MS = 1_000;

export class TableRepair {
  private readonly core: Core;
  private readonly acquaintance: Acquaintance;
  private passiveAt = -Infinity;
  private requestId = 0;

  constructor(core: Core, acquaintance: Acquaintance) {
    this.core = core;
    this.acquaintance = acquaintance;
  }

  start(): void {
    const { core } = this;
    core.deadlines.set(core.now + core.jittered(core.parameters.tableRepairMs) * core.random(), () => {
      this.askForRow();
    });
  }

  /** Sends the joiner the rows that nobody has supplied yet and that fit it. */
  supplyRows(message: JoinMessage): JoinMessage {
    const { core } = this;
    const shared = Math.min(core.geometry.row(core.self, message.joiner.nodeId), core.geometry.rows - 1);
    if (shared < message.rowsSupplied) return message;
    const contacts: Contact[] = [];
    for (let row = message.rowsSupplied; row <= shared; row++) contacts.push(...this.rowContacts(row));
    this.send(message.joiner, message.requestId, false, contacts);
    return { ...message, rowsSupplied: shared + 1 };
  }

  /** At the end of a join: the leaf set, from which the joiner finds its own. */
  supplyLeafSet(message: JoinMessage): void {
    this.send(message.joiner, message.requestId, true, this.core.neighbourhood());
  }

  onRowRequest(from: Contact, message: RowRequestMessage): void {
    this.send(from, message.requestId, false, this.rowContacts(message.row));
  }

  onRow(contacts: readonly Contact[], requestId: number): void {
    const { core } = this;
    let nearerProbes = requestId === this.requestId && requestId !== 0 ? core.parameters.nearerProbesMax : 0;
    if (core.state === 'joining') {
      for (const contact of contacts) this.acquaintance.considerForTable(contact);
      return;
    }
    for (const contact of contacts) {
      if (this.acquaintance.consider(contact)) continue;
      if (nearerProbes > 0 && this.acquaintance.considerNearer(contact)) nearerProbes -= 1;
    }
  }

  /** Sends a row back to a hop that gained no digit where we would have. */
  onLookupFrom(from: Contact, message: LookupMessage): void {
    const { core } = this;
    const { geometry, self } = core;
    if (core.now - this.passiveAt < PASSIVE_GAP_MS || core.leafSet.covers(message.key)) return;
    const row = geometry.row(self, message.key);
    if (row !== geometry.row(from.nodeId, message.key)) return;
    if (core.table.get(row, geometry.column(row, message.key)) === undefined) return;
    this.passiveAt = core.now;
    this.send(from, 0, false, this.rowContacts(row));
  }

  private rowContacts(row: number): Contact[] {
    const contacts: Contact[] = [];
    for (const node of this.core.table.row(row)) if (node.state === 'live') contacts.push(node.contact);
    return contacts;
  }

  private send(to: Contact, requestId: number, last: boolean, contacts: readonly Contact[]): void {
    this.core.sendTo(to, { type: 'contacts', requestId, last, contacts: contacts.slice(0, CONTACTS_MAX) });
  }

  private askForRow(): void {
    const { core } = this;
    const rows: number[] = [];
    for (let row = 0; row < core.table.rowCount(); row++) if (!core.table.row(row).next().done) rows.push(row);
    const row = rows[randomBelow(core.random, rows.length)];
    if (row !== undefined) {
      const entries = [...core.table.row(row)].filter((node) => node.state === 'live');
      const node = entries[randomBelow(core.random, entries.length)];
      if (node !== undefined) {
        this.requestId = core.newRequestId();
        core.send(node, { type: 'row-request', requestId: this.requestId, row });
      }
    }
    core.deadlines.set(core.now + core.jittered(core.parameters.tableRepairMs), () => {
      this.askForRow();
    });
  }
}
