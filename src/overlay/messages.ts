/**
 * What overlay nodes say to each other: eleven kinds of plain data, flat, so that the wire layer can encode them as
 * protobuf without knowing what they mean. The sender never stands in a message: the driver knows it from the
 * connection and its certificate. A contact that stands in a message is hearsay, and is probed before it counts.
 *
 * Ids of messages and requests are whole numbers: 1 ≤ messageId < 2^32, 1 ≤ requestId < 2^21; 0 means none.
 */

import type { Contact } from '../id/contact.ts';
import type { Key, NodeId } from '../id/id-space.ts';
import type { KeyInterval } from '../id/interval.ts';

/** Contacts in one message. */
export const CONTACTS_MAX = 64;
/** Node ids in a path; an upper bound of every hop limit. */
export const PATH_MAX = 64;
/** Dead nodes named in one message. */
export const DEAD_MAX = 16;
/** Key intervals in one message. */
export const INTERVALS_MAX = 16;
/** Rows of a routing table: 32 bits in digits of four. */
export const ROWS_MAX = 8;
export const MESSAGE_IDS = 2 ** 32;
export const REQUEST_IDS = 2 ** 21;

/** "I have taken charge of that message", for lookup, join and found; for a reply: "I can hear you". */
export type AckMessage = {
  readonly type: 'ack';
  /** messageId of the lookup, join or found; replyId of the probe-reply. */
  readonly messageId: number;
  /** Of a lookup or join that gained no digit by coming here: a node that fits the slot which its sender seems to lack. */
  readonly hint?: Contact;
};

/** On its way to the root of a key, acknowledged by each hop. */
export type LookupMessage = {
  readonly type: 'lookup';
  /** New for each transmission, unique at its sender. */
  readonly messageId: number;
  /** Unique at the origin; with the origin's node id it tells copies of one lookup. */
  readonly requestId: number;
  readonly key: Key;
  /** Where the root sends its answer. */
  readonly origin: Contact;
  /** Node ids visited so far, origin first, sender last; 1 ≤ length ≤ PATH_MAX. */
  readonly path: readonly NodeId[];
};

/** The root's answer, straight to the origin, acknowledged. The sender is the root. */
export type FoundMessage = {
  readonly type: 'found';
  readonly messageId: number;
  readonly requestId: number;
  readonly key: Key;
  /** The nodes closest to the key, root first: as many as the leaf set half, fewer only on a smaller ring; ≤ CONTACTS_MAX. */
  readonly replicaSet: readonly Contact[];
  /** Origin first, root last; ≤ PATH_MAX. */
  readonly path: readonly NodeId[];
  /** Keys that the root answers for; ≤ INTERVALS_MAX. */
  readonly intervals: readonly KeyInterval[];
};

/** On its way to the node closest to the joiner, acknowledged by each hop. Also sent by an active node that looks for its place on another ring. */
export type JoinMessage = {
  readonly type: 'join';
  readonly messageId: number;
  /** Unique at the joiner. */
  readonly requestId: number;
  readonly joiner: Contact;
  /** Rows 0 … rowsSupplied − 1 have been sent to the joiner; ≤ ROWS_MAX. */
  readonly rowsSupplied: number;
  /** Nodes visited so far; ≤ PATH_MAX. */
  readonly hops: number;
};

/** Nodes that the receiver asked for: rows for a joiner, the leaf set at the end of a join, a row. */
export type ContactsMessage = {
  readonly type: 'contacts';
  /** Of the join or row-request that this answers; 0 where contacts are kept and not sent. */
  readonly requestId: number;
  /** The join has ended at the sender, whose leaf set is among the contacts. */
  readonly last: boolean;
  /** ≤ CONTACTS_MAX. */
  readonly contacts: readonly Contact[];
  /** For an asked-for row: the sender's round trips to each of the contacts, ms, 0 when not measured; else empty. */
  readonly roundTripsMs: readonly number[];
};

/** Asks for one row of the receiver's routing table. */
export type RowRequestMessage = {
  readonly type: 'row-request';
  readonly requestId: number;
  /** 0 ≤ row < ROWS_MAX. */
  readonly row: number;
};

/** Word of a death, and how long ago it was found. Whoever was heard since then lives. */
export type Death = {
  readonly nodeId: NodeId;
  readonly agoMs: number;
};

/** "Are you there?", and with `exchange` also "here is my leaf set, send me yours". Answered by a probe-reply. */
export type ProbeMessage = {
  readonly type: 'probe';
  readonly messageId: number;
  readonly exchange: boolean;
  /** The sender has joined. */
  readonly active: boolean;
  /** The sender has found itself nearer than whom the receiver's table has in its place: it asks to be measured. */
  readonly nearer: boolean;
  /** The sender's leaf set and those it is about to admit; empty without exchange; ≤ CONTACTS_MAX. */
  readonly contacts: readonly Contact[];
  /** Former leaves that the sender has lately found gone; ≤ DEAD_MAX. */
  readonly dead: readonly Death[];
};

export type ProbeReplyMessage = {
  readonly type: 'probe-reply';
  /** Of the probe. */
  readonly messageId: number;
  /** Not 0: acknowledge it, so that the sender knows that it is heard too. */
  readonly replyId: number;
  readonly exchange: boolean;
  readonly active: boolean;
  /** The sender has no use for the receiver: its slot is held, at this round trip in ms. Else 0. */
  readonly holderMs: number;
  /** As in the probe; ≤ CONTACTS_MAX. */
  readonly contacts: readonly Contact[];
  /** Former leaves that the sender has lately found gone; ≤ DEAD_MAX. */
  readonly dead: readonly Death[];
};

/** A sign of life. */
export type HeartbeatMessage = {
  readonly type: 'heartbeat';
  readonly active: boolean;
};

/** "I found these nodes dead: check them yourself; here is my leaf set, to fill the gap." */
export type FailureMessage = {
  readonly type: 'failure';
  /** ≤ CONTACTS_MAX. */
  readonly contacts: readonly Contact[];
  /** Former leaves that the sender has lately found gone; ≤ DEAD_MAX. */
  readonly dead: readonly Death[];
};

/** The sender stops (and will be back) or leaves for good. */
export type GoodbyeMessage = {
  readonly type: 'goodbye';
  readonly forGood: boolean;
  /** The sender's leaf set, to fill the gap; ≤ CONTACTS_MAX. */
  readonly contacts: readonly Contact[];
};

export type OverlayMessage =
  | AckMessage
  | LookupMessage
  | FoundMessage
  | JoinMessage
  | ContactsMessage
  | RowRequestMessage
  | ProbeMessage
  | ProbeReplyMessage
  | HeartbeatMessage
  | FailureMessage
  | GoodbyeMessage;
