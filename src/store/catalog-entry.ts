/**
 * What the catalog keeps of a name, and of a commit whose file is not yet in its place, as bytes.
 *
 * Entry: format (1 byte), time of the commit (8, ms since 1970), length of the path (2), path, envelope. The path is
 * kept because it must not change when the rules for safe paths see new Unicode versions; the time because
 * tombstones are kept for so many days from when they came in, whatever clock their maker had.
 * Redo entry of a commit: version (24), whose first byte is always 0, then the name. Which file to move follows from
 * the name's entry. Of a record that was dropped: what becomes of the file (1), length of the path (2), path, name.
 */

import { equalBytes } from '../base/bytes.ts';
import { StoreError } from '../base/errors.ts';
import { type Version, compareVersions } from '../id/version.ts';
import { type SignedRecord, readRecord } from '../wire/record.ts';
import { decodeVersion, encodeVersion } from '../wire/version-bytes.ts';

export type CatalogEntry = {
  readonly record: SignedRecord;
  /** Of the file below `files/`; kept for a removed file too. */
  readonly path: string;
  /** When it was committed here, ms since 1970, by this machine's clock. */
  readonly committedMs: number;
};

/** A change whose consequences for `files/` may not have been carried out. */
export type RedoEntry = {
  readonly id: string;
  readonly name: string;
  readonly change:
    | { readonly kind: 'commit'; readonly version: Version }
    | { readonly kind: 'drop'; readonly path: string; readonly file: 'remove' | 'set aside' };
};

/** Whether two records are of the very same content in the very same version. */
export function isSame(a: SignedRecord, b: SignedRecord): boolean {
  return (
    compareVersions(a.version, b.version) === 0 &&
    a.tombstone === b.tombstone &&
    a.size === b.size &&
    a.chunkBytes === b.chunkBytes &&
    equalBytes(a.merkleRoot, b.merkleRoot)
  );
}

const FORMAT = 1;
const HEADER_BYTES = 11;
const VERSION_BYTES = 24;
const DROP_HEADER_BYTES = 3;
const DROP_REMOVE = 1;
const DROP_SET_ASIDE = 2;

export function encodeEntry({ record, path, committedMs }: CatalogEntry): Uint8Array {
  const pathBytes = Buffer.from(path);
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + pathBytes.length + record.envelope.length);
  bytes.writeUInt8(FORMAT, 0);
  bytes.writeDoubleBE(committedMs, 1);
  bytes.writeUInt16BE(pathBytes.length, 9);
  bytes.set(pathBytes, HEADER_BYTES);
  bytes.set(record.envelope, HEADER_BYTES + pathBytes.length);
  return bytes;
}

/** Undefined when it is damaged, or an entry of another name. */
export function decodeEntry(name: string, bytes: Uint8Array): CatalogEntry | undefined {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (header.length < HEADER_BYTES || header.readUInt8(0) !== FORMAT) return undefined;
  const pathEnd = HEADER_BYTES + header.readUInt16BE(9);
  try {
    const record = readRecord(bytes.subarray(pathEnd));
    const path = header.toString('utf8', HEADER_BYTES, pathEnd);
    return record.name === name ? { record, path, committedMs: header.readDoubleBE(1) } : undefined;
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

export function encodeRedo({ name, change }: RedoEntry): Uint8Array {
  if (change.kind === 'commit') return Buffer.concat([encodeVersion(change.version), Buffer.from(name)]);
  const path = Buffer.from(change.path);
  const head = Buffer.alloc(DROP_HEADER_BYTES);
  head.writeUInt8(change.file === 'remove' ? DROP_REMOVE : DROP_SET_ASIDE, 0);
  head.writeUInt16BE(path.length, 1);
  return Buffer.concat([head, path, Buffer.from(name)]);
}

/** Undefined when it is damaged. */
export function decodeRedo(id: string, value: Uint8Array): RedoEntry | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  if (bytes[0] === 0) {
    const version = versionOf(value.subarray(0, VERSION_BYTES));
    return version && { id, name: bytes.toString('utf8', VERSION_BYTES), change: { kind: 'commit', version } };
  }
  if (bytes.length < DROP_HEADER_BYTES || (bytes[0] !== DROP_REMOVE && bytes[0] !== DROP_SET_ASIDE)) return undefined;
  const pathEnd = DROP_HEADER_BYTES + bytes.readUInt16BE(1);
  const file = bytes[0] === DROP_REMOVE ? 'remove' : 'set aside';
  const path = bytes.toString('utf8', DROP_HEADER_BYTES, pathEnd);
  return { id, name: bytes.toString('utf8', pathEnd), change: { kind: 'drop', path, file } };
}

function versionOf(bytes: Uint8Array): Version | undefined {
  try {
    return decodeVersion(bytes);
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}
