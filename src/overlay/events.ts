/**
 * What goes into an overlay node and what comes out: the whole contract with its driver. The driver carries
 * effects out in their order, sends a `tick` at `nextDeadline()`, and reports what it hears; it decides nothing.
 */

import type { Contact } from '../id/contact.ts';
import type { Key, NodeId } from '../id/id-space.ts';
import type { KeyInterval } from '../id/interval.ts';
import type { OverlayMessage } from './messages.ts';

/** The driver's own name for one of its lookups. */
export type LookupId = number | string;

export type OverlayEvent =
  /** Without seeds, or with `alone`, this node is the first of a ring and active at once; while joining, `alone` ends the waiting. */
  | { readonly type: 'start'; readonly seeds: readonly Contact[]; readonly alone?: boolean }
  /** `from` is the sender as its certificate has it, with the addresses last known for it. */
  | { readonly type: 'message'; readonly from: Contact; readonly message: OverlayMessage }
  /** The driver could not deliver. A hint only: the node is probed. */
  | { readonly type: 'unreachable'; readonly contact: Contact }
  /** Ends in exactly one `found` or `lookup-failed`. */
  | { readonly type: 'lookup'; readonly key: Key; readonly lookupId: LookupId }
  | { readonly type: 'tick' }
  /** This node goes and will be back under its id. */
  | { readonly type: 'stop' }
  /** This node goes for good. */
  | { readonly type: 'leave' }
  /** Hearsay from outside; those that matter are probed, and a ring of their own is merged with this one. */
  | { readonly type: 'contacts'; readonly contacts: readonly Contact[] };

export type LookupFailure = 'timeout' | 'stopped';

export type OverlayEffect =
  | { readonly type: 'send'; readonly to: Contact; readonly message: OverlayMessage }
  | {
      readonly type: 'found';
      readonly lookupId: LookupId;
      readonly key: Key;
      readonly root: Contact;
      /** Closest first, root first: l nodes, fewer only on a smaller ring. */
      readonly replicaSet: readonly Contact[];
      /** Node ids visited, this node first, root last. */
      readonly path: readonly NodeId[];
      /** Keys that the root answers for. */
      readonly intervals: readonly KeyInterval[];
    }
  | { readonly type: 'lookup-failed'; readonly lookupId: LookupId; readonly reason: LookupFailure }
  | { readonly type: 'joined' }
  | { readonly type: 'neighbours-changed' }
  | { readonly type: 'observe'; readonly fact: OverlayFact };

/** How a next hop was found: from the leaf set, the table, or neither (the rare case). */
export type HopKind = 'leaf' | 'table' | 'rare';

/** For logs, metrics and statistics; nothing may depend on them. */
export type OverlayFact =
  | { readonly kind: 'forwarded'; readonly how: HopKind; readonly key: Key; readonly to: NodeId }
  | { readonly kind: 'delivered'; readonly key: Key; readonly hops: number; readonly origin: NodeId }
  | { readonly kind: 'held'; readonly key: Key }
  | { readonly kind: 'rerouted'; readonly key: Key; readonly around: NodeId }
  | { readonly kind: 'dropped'; readonly why: 'duplicate' | 'hop-limit' | 'held-too-long' | 'held-too-many' }
  | { readonly kind: 'suspected'; readonly nodeId: NodeId }
  | { readonly kind: 'recovered'; readonly nodeId: NodeId }
  | { readonly kind: 'dead'; readonly nodeId: NodeId }
  | { readonly kind: 'founded' }
  | { readonly kind: 'stalled'; readonly lateMs: number };
