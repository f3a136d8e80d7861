/** What a writer signs above the present state of a name. */

import type { PrivateKey } from '@libp2p/interface';
import { publicKeyToProtobuf } from '@libp2p/crypto/keys';
import { equalBytes } from '../base/bytes.ts';
import type { Version } from '../id/version.ts';
import type { Holding } from '../wire/holding.ts';

const NO_CONSENT = new Uint8Array(0);

/** One above. @param tag drawn once for the operation: when its own version is there already, that is the version */
export function nextVersion(highest: Holding | undefined, tag: Uint8Array): Version {
  if (highest !== undefined && equalBytes(highest.version.tag, tag)) return highest.version;
  return { counter: (highest?.version.counter ?? 0) + 1, tag };
}

/** Who overwrites a shared file leaves it shared. */
export function staysShared(highest: Holding | undefined): boolean {
  return highest !== undefined && highest.shared && !highest.tombstone;
}

/** Where the name was somebody else's, their record that leaves it to others. */
export function consentFor(key: PrivateKey, highest: Holding | undefined, consent: Uint8Array): Uint8Array {
  const changes = highest !== undefined && !equalBytes(highest.owner, publicKeyToProtobuf(key.publicKey));
  return changes ? consent : NO_CONSENT;
}
