/** What a writer signs above the present state of a name. */

import type { PrivateKey } from '@libp2p/interface';
import { publicKeyToProtobuf } from '@libp2p/crypto/keys';
import { equalBytes } from '../base/bytes.ts';
import type { Version } from '../id/version.ts';
import type { Holding } from '../wire/holding.ts';
import { openRecord } from '../wire/record.ts';

/** More of the line of owners than this is not carried on, or records would grow without end. */
const CARRIED_BYTES_MAX = 1024;
/** Versions that others may have written, unknown to those who are there. */
const ROOM_IN_DOUBT = 1024;
const NO_CONSENT = new Uint8Array(0);

/**
 * One above.
 *
 * @param tag drawn once for the operation: when its own version is there already, that is the version
 * @param inDoubt higher versions may lie with peers that are away: room is left for them, or what is acknowledged now
 *   would be undone when they return
 */
export function nextVersion(highest: Holding | undefined, tag: Uint8Array, inDoubt: boolean): Version {
  if (highest !== undefined && equalBytes(highest.version.tag, tag)) return highest.version;
  return { counter: (highest?.version.counter ?? 0) + 1 + (inDoubt ? ROOM_IN_DOUBT : 0), tag };
}

/** Who overwrites a shared file leaves it shared. */
export function staysShared(highest: Holding | undefined): boolean {
  return highest !== undefined && highest.shared && !highest.tombstone;
}

/**
 * What proves that the name was left to this writer: where it is somebody else's, the record by which they left it; else
 * what their own last record carries already. So a replica that has missed versions can follow the line of owners.
 *
 * @param present the envelope of the highest record, or empty where it is of no use
 * @throws BadMessageError when it is no record
 */
export function consentFor(key: PrivateKey, present: Uint8Array, networkId: Uint8Array): Uint8Array {
  if (present.length === 0) return NO_CONSENT;
  const record = openRecord(present, networkId);
  const { formerOwnerConsent: carried, owner, tombstone } = record;
  const isOwn = equalBytes(owner, publicKeyToProtobuf(key.publicKey));
  if (isOwn) return carried.length <= CARRIED_BYTES_MAX ? carried : NO_CONSENT;
  // A shared file goes from hand to hand; who left it first is what counts.
  const carries = !tombstone && carried.length > 0 && carried.length <= CARRIED_BYTES_MAX;
  return carries ? carried : present;
}
