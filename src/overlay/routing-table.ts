/**
 * The routing table (Pastry, 2.3): for every row and column at most one node, by preference a near one. A node
 * that has a slot keeps it until it is dead or a clearly nearer one is measured; rows exist once they are needed.
 *
 * A slot without a live holder may have a node on trial: hearsay, which the next lookup that needs the slot tries
 * out. Its acknowledgement is the answer that lets it enter, so that filling a slot costs no message of its own.
 */

import type { NodeId } from '../id/id-space.ts';
import type { Geometry } from './geometry.ts';
import type { KnownNode } from './known-node.ts';

/** A newcomer takes a slot only if its round trip is this much shorter: slots must not flap. */
export const NEARER_RATIO = 0.9;

export class RoutingTable {
  private readonly geometry: Geometry;
  private readonly self: NodeId;
  private readonly rows: (KnownNode | undefined)[][] = [];
  private all: readonly KnownNode[] | undefined = undefined;
  /** By row and column. */
  private readonly trials = new Map<number, KnownNode>();

  constructor(geometry: Geometry, self: NodeId) {
    this.geometry = geometry;
    this.self = self;
  }

  get(row: number, column: number): KnownNode | undefined {
    return this.rows[row]?.[column];
  }

  /** Who stands in the slot that this id belongs in. */
  holder(id: NodeId): KnownNode | undefined {
    const row = this.geometry.row(this.self, id);
    return this.rows[row]?.[this.geometry.column(row, id)];
  }

  /** Who is on trial for a slot. */
  trial(row: number, column: number): KnownNode | undefined {
    return this.trials.get(row * this.geometry.columns + column);
  }

  /** Who is on trial for the slot that this id belongs in. */
  trialFor(id: NodeId): KnownNode | undefined {
    return this.trials.get(this.slotOf(id));
  }

  /** Whether a slot lacks both a live holder and somebody on trial. */
  lacks(id: NodeId): boolean {
    return this.holder(id)?.state !== 'live' && !this.trials.has(this.slotOf(id));
  }

  putOnTrial(node: KnownNode): void {
    this.trials.set(this.slotOf(node.nodeId), node);
  }

  endTrial(node: KnownNode): void {
    const slot = this.slotOf(node.nodeId);
    if (this.trials.get(slot) === node) this.trials.delete(slot);
  }

  hasRoomFor(id: NodeId): boolean {
    return id !== this.self && this.holder(id) === undefined;
  }

  /** Puts a node into its slot if that is free, or its holder is suspected or farther away; returns whom it replaced. */
  offer(node: KnownNode): { readonly entered: boolean; readonly replaced: KnownNode | undefined } {
    const row = this.geometry.row(this.self, node.nodeId);
    const column = this.geometry.column(row, node.nodeId);
    const holder = this.rows[row]?.[column];
    if (holder === node) return { entered: false, replaced: undefined };
    if (holder !== undefined && holder.state === 'live' && !isNearer(node, holder)) {
      return { entered: false, replaced: undefined };
    }
    while (this.rows.length <= row) this.rows.push([]);
    const slots = this.rows[row] ?? [];
    while (slots.length <= column) slots.push(undefined);
    slots[column] = node;
    this.all = undefined;
    node.inTable = true;
    if (holder !== undefined) holder.inTable = false;
    return { entered: true, replaced: holder };
  }

  remove(node: KnownNode): boolean {
    if (!node.inTable) return false;
    const row = this.geometry.row(this.self, node.nodeId);
    const slots = this.rows[row];
    const column = this.geometry.column(row, node.nodeId);
    if (slots?.[column] === node) slots[column] = undefined;
    this.all = undefined;
    node.inTable = false;
    return true;
  }

  row(row: number): readonly KnownNode[] {
    return present(this.rows[row] ?? []);
  }

  /** All from a row on, upper rows first. The array is shared until the next change. */
  entries(fromRow = 0): readonly KnownNode[] {
    if (fromRow > 0) return this.rows.slice(fromRow).flatMap(present);
    this.all ??= this.rows.flatMap(present);
    return this.all;
  }

  size(): number {
    return this.entries().length;
  }

  private slotOf(id: NodeId): number {
    const row = this.geometry.row(this.self, id);
    return row * this.geometry.columns + this.geometry.column(row, id);
  }
}

function present(slots: readonly (KnownNode | undefined)[]): KnownNode[] {
  return slots.filter((node) => node !== undefined);
}

function isNearer(node: KnownNode, holder: KnownNode): boolean {
  return node.smoothedMs >= 0 && holder.smoothedMs >= 0 && node.smoothedMs < holder.smoothedMs * NEARER_RATIO;
}
