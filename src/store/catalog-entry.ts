/**
 * What the catalog keeps of a name, and of a commit whose file is not yet in its place, as bytes.
 *
 * Entry: format (1 byte), time of the commit (8, ms since 1970), length of the path (2), path, envelope. The path is
 * kept because it must not change when the rules for safe paths see new Unicode versions; the time because
 * tombstones are kept for so many days from when they came in, whatever clock their maker had.
 * Redo entry: version (24), then the name. Which file to move follows from the name's entry.
 */

import { StorageUnusableError } from '../base/errors.ts';
import type { Version } from '../id/version.ts';
import { type SignedRecord, readRecord } from '../wire/record.ts';
import { decodeVersion, encodeVersion } from '../wire/version-bytes.ts';

export type CatalogEntry = {
  readonly record: SignedRecord;
  /** Of the file below `files/`; kept for a removed file too. */
  readonly path: string;
  /** When it was committed here, ms since 1970, by this machine's clock. */
  readonly committedMs: number;
};

/** A commit whose consequences for `files/` may not have been carried out. */
export type RedoEntry = { readonly id: string; readonly name: string; readonly version: Version };

const FORMAT = 1;
const HEADER_BYTES = 11;
const VERSION_BYTES = 24;

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

/** @throws StorageUnusableError when it is damaged */
export function decodeEntry(bytes: Uint8Array): CatalogEntry {
  try {
    const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (header.readUInt8(0) !== FORMAT) throw new RangeError(`entry of format ${String(bytes[0])}`);
    const pathEnd = HEADER_BYTES + header.readUInt16BE(9);
    return {
      record: readRecord(bytes.subarray(pathEnd)),
      path: header.toString('utf8', HEADER_BYTES, pathEnd),
      committedMs: header.readDoubleBE(1),
    };
  } catch (cause) {
    throw new StorageUnusableError('the catalog holds an entry that cannot be read; restore it from a copy', cause);
  }
}

export function encodeRedo({ name, version }: RedoEntry): Uint8Array {
  return Buffer.concat([encodeVersion(version), Buffer.from(name)]);
}

export function decodeRedo(id: string, bytes: Uint8Array): RedoEntry {
  const name = Buffer.from(bytes.subarray(VERSION_BYTES)).toString();
  return { id, version: decodeVersion(bytes.subarray(0, VERSION_BYTES)), name };
}
