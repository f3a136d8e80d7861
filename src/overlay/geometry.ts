/**
 * The shape of the overlay behind one narrow interface: who is closer, which table slot a node fits, which keys a
 * node answers for, where copies lie, which id a newcomer gets. Joining, liveness and repair know none of it, so
 * that another geometry can stand here later. The next hop (next-hop.ts) uses only this and the two tables.
 */

import type { Contact } from '../id/contact.ts';
import type { IdSpace, Key, NodeId } from '../id/id-space.ts';
import type { KeyInterval } from '../id/interval.ts';

export type Geometry = {
  readonly space: IdSpace;
  /** Rows and columns of a routing table. */
  readonly rows: number;
  readonly columns: number;
  /** Total order of nodes for a key: negative when `a` is closer. Zero only for a equal to b. */
  compare(key: Key, a: NodeId, b: NodeId): number;
  /** The row in which `self` keeps nodes like `other` (for a key: in which it looks for the next hop); `rows` when they are the same. */
  row(self: NodeId, other: NodeId): number;
  /** The column within that row. */
  column(row: number, other: NodeId): number;
  /** Whether a node with this id is a step towards the key: not behind in rows, and nearer. */
  progresses(self: NodeId, candidate: NodeId, key: Key): boolean;
  /** Keys that `self` is closest to, given its neighbours on both sides; both undefined when it is alone. */
  intervals(self: NodeId, predecessor: NodeId | undefined, successor: NodeId | undefined): readonly KeyInterval[];
  /** The k members closest to the key, closest first; all of them when there are fewer. */
  replicaSet(key: Key, k: number, members: readonly Contact[]): readonly Contact[];
  /** The id that spreads load best among those taken; undefined when none is free. */
  newcomerId(taken: readonly NodeId[]): NodeId | undefined;
};
