/**
 * The record of a stored file, or of its removal (a tombstone), signed by its owner. `SignedRecord` keeps the
 * envelope as it was received beside what it says; only `openRecord` and `signRecord` make one (and
 * `readRecord` reads back what they made), so whoever holds a SignedRecord knows that its signature was checked and its
 * fields are in range.
 */

import type { PrivateKey } from '@libp2p/interface';
import { equalBytes } from '../base/bytes.ts';
import { checkName } from '../id/key.ts';
import type { Version } from '../id/version.ts';
import { CHUNK_BYTES_MAX, CHUNK_BYTES_MIN } from '../membership/network-parameters.ts';
import { check, decodeWith } from './decode.ts';
import { openEnvelope, sealEnvelope } from './envelope.ts';
import { Envelope as WireEnvelope } from './generated/envelope.ts';
import { WireRecord } from './generated/record.ts';
import { REPLICAS_MAX } from './holding.ts';
import { CHUNKS_PER_FILE_MAX, ENVELOPE_BYTES_MAX, HASH_BYTES } from './limits.ts';
import { decodeVersion, encodeVersion } from './version-bytes.ts';

/** Permission bits, and nothing that runs a file as somebody else. */
const MODE_MAX = 0o777;

export type FileRecord = {
  readonly networkId: Uint8Array;
  readonly name: string;
  readonly version: Version;
  /** True: the file was removed. Size is 0, and the hashes are of nothing. */
  readonly tombstone: boolean;
  /** Bytes. */
  readonly size: number;
  /** Of the whole content: the owner's word, for people to compare. Content is checked against the Merkle root. */
  readonly sha256: Uint8Array;
  readonly chunkBytes: number;
  readonly merkleRoot: Uint8Array;
  /** How many copies the owner asked for. */
  readonly replicas: number;
  /** The source file's time of last change in ms since 1970; 0 when it had none. Orders nothing. */
  readonly modifiedMs: number;
  /** The source file's permission bits; 0 when it had none. */
  readonly mode: number;
  /** Others may overwrite and remove it. */
  readonly shared: boolean;
  /** Where the owner changed: the envelope of the former owner's record that left the name to others; else empty. */
  readonly formerOwnerConsent: Uint8Array;
};

export type SignedRecord = FileRecord & {
  /** libp2p's protobuf form of the owner's public key. */
  readonly owner: Uint8Array;
  /** The signed bytes, as they were received or made. */
  readonly envelope: Uint8Array;
};

/** How many chunks content of a size has; an empty file has one empty chunk. */
export function chunkCount(size: number, chunkBytes: number): number {
  return Math.max(1, Math.ceil(size / chunkBytes));
}

export function signRecord(key: PrivateKey, record: FileRecord): SignedRecord {
  const payload = WireRecord.encode({ ...record, version: encodeVersion(record.version) });
  const envelope = sealEnvelope(key, 'record', payload);
  // Checked like a received one, but for the signature that was made just now.
  return readRecord(envelope);
}

/**
 * @throws BadMessageError when it is not signed, not of this network, or a field is out of range
 * @throws InvalidNameError
 */
export function openRecord(envelope: Uint8Array, networkId: Uint8Array): SignedRecord {
  const { payload, publicKey } = openEnvelope('record', envelope);
  return { ...recordOf(payload, networkId), owner: publicKey, envelope };
}

/**
 * Reads back an envelope that `openRecord` or `signRecord` once made a record of and that was kept since: decodes
 * without checking the signature again.
 *
 * @throws BadMessageError when it is damaged
 */
export function readRecord(envelope: Uint8Array): SignedRecord {
  const { payload, publicKey } = decodeWith(WireEnvelope, envelope, ENVELOPE_BYTES_MAX, 'envelope');
  return { ...recordOf(payload), owner: publicKey, envelope };
}

function recordOf(payload: Uint8Array, networkId?: Uint8Array): FileRecord {
  const wire = decodeWith(WireRecord, payload, ENVELOPE_BYTES_MAX, 'record');
  check(networkId === undefined || equalBytes(wire.networkId, networkId), 'a record of another network');
  checkName(wire.name);
  check(Number.isSafeInteger(wire.size) && wire.size >= 0, "a record's size is out of range");
  check(wire.sha256.length === HASH_BYTES && wire.merkleRoot.length === HASH_BYTES, "a record's hash is not 32 bytes");
  check(
    wire.chunkBytes >= CHUNK_BYTES_MIN && wire.chunkBytes <= CHUNK_BYTES_MAX,
    "a record's chunk size is out of range",
  );
  check(chunkCount(wire.size, wire.chunkBytes) <= CHUNKS_PER_FILE_MAX, 'a record of a file of too many chunks');
  check(wire.replicas >= 1 && wire.replicas <= REPLICAS_MAX, "a record's number of replicas is out of range");
  check(Number.isSafeInteger(wire.modifiedMs), "a record's time is out of range");
  check(wire.mode <= MODE_MAX, "a record's mode is out of range");
  check(!wire.tombstone || wire.size === 0, 'a tombstone with a size');
  const { version, ...fields } = wire;
  return { ...fields, version: decodeVersion(version) };
}
