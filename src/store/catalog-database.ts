/**
 * The database below the catalog (LevelDB), and what its keys look like. Their bytes sort as the names' UTF-8 does:
 *
 *   schema                   number of this layout; a newer one is refused
 *   setting:<key>            certificate, parameters, known peers …: bytes that others give a meaning
 *   record:<name>            the newest record of a name, tombstones included (CatalogEntry)
 *   hashes:<name>            the chunk hashes, one after the other, of a file that has more than one chunk
 *   slot:<kk><ssss><name>    of each record, by its number of replicas and its slot of the ring, both in hex (SlotEntry)
 *   redo:<id>                a commit whose file is still in incoming/, or a removal or a dropped record whose file is
 *                            still in files/
 */

import { ClassicLevel } from 'classic-level';
import { StorageLockedError } from '../base/errors.ts';
import { causeCode, named, storageError } from './file-errors.ts';

export type Database = ClassicLevel<string, Uint8Array>;
export type Operation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string };

export const SCHEMA = 'schema';
export const SETTING = 'setting:';
export const RECORD = 'record:';
export const HASHES = 'hashes:';
export const SLOT = 'slot:';
export const REDO = 'redo:';

const CACHE_BYTES = 16 * 1024 * 1024;
/** How much a scan reads ahead. */
const READ_AHEAD_BYTES = 256 * 1024;
const ROWS_AT_ONCE = 1024;

/**
 * @param isNew there is none yet; otherwise none is begun where parts of one are left
 * @throws StorageLockedError, StorageUnusableError, NoSpaceError
 */
export async function openDatabase(path: string, isNew: boolean): Promise<Database> {
  const database: Database = new ClassicLevel<string, Uint8Array>(path, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    cacheSize: CACHE_BYTES,
    createIfMissing: isNew,
  });
  try {
    await database.open();
  } catch (error) {
    throw openError(path, error);
  }
  return database;
}

function openError(path: string, error: unknown): Error {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (causeCode(cause) === 'LEVEL_LOCKED') {
    return new StorageLockedError(
      `${path} is in use by another process; stop that one, or name another storage directory`,
      cause,
    );
  }
  return storageError(`opening ${path}`, cause);
}

/** A stretch of keys; bounds are compared as bytes. */
export type KeyRange = { readonly gte?: Buffer; readonly gt?: Buffer; readonly lt: Buffer };
export type Row = readonly [key: Buffer, value: Uint8Array];

/**
 * The rows of a range in order, some at a time: many callers look at a hundred thousand, and one promise for each would
 * cost more than reading them.
 *
 * @param rowsAtOnce how many are read at once: few where few are wanted
 * @throws StorageUnusableError
 */
export async function* scan(database: Database, range: KeyRange, rowsAtOnce = ROWS_AT_ONCE): AsyncGenerator<Row[]> {
  const rows = database.iterator<Buffer, Uint8Array>({
    ...range,
    keyEncoding: 'buffer',
    highWaterMarkBytes: READ_AHEAD_BYTES,
    fillCache: false,
  });
  try {
    for (;;) {
      const some = await named('reading the catalog', () => rows.nextv(rowsAtOnce));
      if (some.length === 0) return;
      yield some;
    }
  } finally {
    await rows.close();
  }
}

/** All keys that begin with this text. */
export function prefixRange(prefix: string): { gte: Buffer; lt: Buffer } {
  const gte = Buffer.from(prefix);
  return { gte, lt: bytesAfter(gte) };
}

/** The first bytes behind all that begin with these: the last byte goes up by one, which UTF-8 always allows. */
function bytesAfter(prefix: Buffer): Buffer {
  const bytes = Buffer.from(prefix);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) + 1, bytes.length - 1);
  return bytes;
}

/** The database gives Buffers, whose `slice` and whose looks in tests are not those of a Uint8Array. */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
