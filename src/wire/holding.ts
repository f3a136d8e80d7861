/** What a peer has of a name in its own directory, as peers and writers tell each other. */

import type { Version } from '../id/version.ts';
import { check } from './decode.ts';
import type { WireHolding } from './generated/holding.ts';
import { decodeVersion, encodeVersion } from './version-bytes.ts';

/** A SignedRecord is one, too. */
export type Holding = {
  readonly version: Version;
  readonly tombstone: boolean;
  /** libp2p's protobuf form of the public key that signed it. */
  readonly owner: Uint8Array;
  readonly shared: boolean;
  /** How many copies are wanted. */
  readonly replicas: number;
};

/** What a writer takes the present state of the name to be: nothing or a removed file, that version, or whatever it is. */
export type WriteCondition = 'any' | 'absent' | Version;

/** The most copies that a record may ask for. */
export const REPLICAS_MAX = 64;
/** So many copies that any two sets of as many have one in common. */
export function majorityOf(replicas: number): number {
  return Math.floor(replicas / 2) + 1;
}

const OWNER_BYTES_MAX = 128;
const NO_BYTES = new Uint8Array(0);
const NOTHING: WireHolding = {
  present: false,
  version: NO_BYTES,
  tombstone: false,
  owner: NO_BYTES,
  shared: false,
  replicas: 0,
};

export function encodeHolding(holding: Holding | undefined): WireHolding {
  if (holding === undefined) return NOTHING;
  const { version, tombstone, owner, shared, replicas } = holding;
  return { present: true, version: encodeVersion(version), tombstone, owner, shared, replicas };
}

/** @throws BadMessageError */
export function decodeHolding(wire: WireHolding): Holding | undefined {
  if (!wire.present) return undefined;
  const { tombstone, owner, shared, replicas } = wire;
  check(replicas >= 1 && replicas <= REPLICAS_MAX, "a holding's number of copies is out of range");
  check(owner.length <= OWNER_BYTES_MAX, "a holding's owner is too long");
  return { version: decodeVersion(wire.version), tombstone, owner, shared, replicas };
}
