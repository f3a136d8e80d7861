/** A record as the library shows it. */

import { publicKeyFromProtobuf } from '@libp2p/crypto/keys';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { toHex } from '../base/bytes.ts';
import type { IdSpace } from '../id/id-space.ts';
import { keyOfName } from '../id/key.ts';
import { formatVersion } from '../id/version.ts';
import type { SignedRecord } from '../wire/record.ts';
import type { FileEntry } from './types.ts';

export function fileEntry(idSpace: IdSpace, record: SignedRecord): FileEntry {
  return {
    name: record.name,
    key: idSpace.format(keyOfName(idSpace, record.name)),
    version: formatVersion(record.version),
    size: record.size,
    sha256: toHex(record.sha256),
    modifiedMs: record.modifiedMs,
    mode: record.mode,
    owner: peerIdFromPublicKey(publicKeyFromProtobuf(record.owner)).toString(),
  };
}
