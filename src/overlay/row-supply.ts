/**
 * What this node gives away of its routing table: to joiners on their way through, the rows that fit them and that
 * nobody has supplied yet (hops skip digits, so row i does not come from hop i); to whoever asks, one row with the
 * round trips to its nodes; and to a hop that gained no digit by coming here, the entry that it seems to lack.
 */

import type { Contact } from '../id/contact.ts';
import type { NodeId, Position } from '../id/id-space.ts';
import type { Core } from './core.ts';
import { CONTACTS_MAX, type JoinMessage, type RowRequestMessage } from './messages.ts';

export class RowSupply {
  private readonly core: Core;

  constructor(core: Core) {
    this.core = core;
  }

  /** Sends the joiner the rows that nobody has supplied yet and that fit it; the join as it goes on. */
  supplyRows(message: JoinMessage): JoinMessage {
    const { core } = this;
    const shared = Math.min(core.geometry.row(core.self, message.joiner.nodeId), core.geometry.rows - 1);
    if (shared < message.rowsSupplied) return message;
    const contacts: Contact[] = [];
    for (let row = message.rowsSupplied; row <= shared; row++) {
      for (const node of core.table.row(row)) if (node.state === 'live') contacts.push(node.contact);
    }
    this.send(message.joiner, message.requestId, false, contacts);
    return { ...message, rowsSupplied: shared + 1 };
  }

  /** At the end of a join: the leaf set, from which the joiner finds its own. */
  supplyLeafSet(message: JoinMessage): void {
    this.send(message.joiner, message.requestId, true, this.core.neighbourhood());
  }

  onRowRequest(from: Contact, message: RowRequestMessage): void {
    const contacts: Contact[] = [];
    const roundTripsMs: number[] = [];
    for (const node of this.core.table.row(message.row)) {
      if (node.state !== 'live') continue;
      contacts.push(node.contact);
      roundTripsMs.push(Math.max(node.smoothedMs, 0));
    }
    this.core.sendTo(from, { type: 'contacts', requestId: message.requestId, last: false, contacts, roundTripsMs });
  }

  /** The entry that the sender of a lookup or join seems to lack: it came to us without gaining a digit that ours would gain. */
  hintFor(sender: NodeId, key: Position): Contact | undefined {
    const { geometry, self, table, leafSet } = this.core;
    const row = geometry.row(self, key);
    if (row !== geometry.row(sender, key) || row >= geometry.rows || leafSet.covers(key)) return undefined;
    const entry = table.get(row, geometry.column(row, key));
    return entry?.state === 'live' && entry.nodeId !== sender ? entry.contact : undefined;
  }

  private send(to: Contact, requestId: number, last: boolean, contacts: readonly Contact[]): void {
    this.core.sendTo(to, {
      type: 'contacts',
      requestId,
      last,
      contacts: contacts.slice(0, CONTACTS_MAX),
      roundTripsMs: [],
    });
  }
}
