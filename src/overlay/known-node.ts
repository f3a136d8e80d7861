/**
 * What this node knows of another: one compact record, shared by leaf set, table and everything under way, and
 * kept only while one of them needs it. A large simulation holds millions of these, hence the plain fields.
 */

import type { Contact } from '../id/contact.ts';
import type { NodeId } from '../id/id-space.ts';
import type { Deadline } from './deadlines.ts';
import type { RoundTrip } from './round-trip.ts';
import type { Side } from './side.ts';

/**
 * candidate: heard of, being probed, in no table; live: it has answered; suspected: it was live and is being
 * passed over after a missed sign, still in the tables (a leaf is being probed; a mere table entry waits for its
 * turn, because going around it costs nothing); gone: dead or dropped, the record is stale.
 */
export type NodeState = 'candidate' | 'live' | 'suspected' | 'gone';

export type Probe = {
  messageId: number;
  /** Timeouts of the probes in this row, and which is being waited for. */
  readonly timeoutsMs: readonly number[];
  attempt: number;
  exchange: boolean;
  readonly startedAt: number;
  sentAt: number;
  extensions: number;
  deadline: Deadline | undefined;
};

export class KnownNode implements RoundTrip {
  readonly nodeId: NodeId;
  contact: Contact;
  state: NodeState = 'candidate';
  /** It said that it has joined, together with its leaf set. */
  active = false;
  /** A message came from it, so that it is more than hearsay. */
  heard = false;
  inLeafSet = false;
  inTable = false;
  /** Meant for the leaf set while it is a candidate. */
  forLeafSet = false;
  /** Where it is known to come next after our last leaf. */
  follows: Side = 'neither';
  smoothedMs = -1;
  deviationMs = 0;
  heardAt = -Infinity;
  sentAt = -Infinity;
  /** `deathsKnown` of the core when leaf sets were last swapped with it. */
  deathsTold = 0;
  probe: Probe | undefined = undefined;
  /** Told by whoever takes it for dead: who is there besides. When that is confirmed, nobody else needs to be told. */
  heirs: readonly Contact[] | undefined = undefined;

  constructor(contact: Contact) {
    this.contact = contact;
    this.nodeId = contact.nodeId;
  }
}
