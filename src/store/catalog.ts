/**
 * The embedded database of a storage directory (LevelDB: log-structured, so that a commit is one append and one
 * sync; its own lock keeps a second process out). Keys, whose bytes sort as the names' UTF-8 does:
 *
 *   schema            number of this layout; a newer one is refused
 *   setting:<key>     certificate, parameters, known peers …: bytes that others give a meaning
 *   record:<name>     the newest record of a name, tombstones included (CatalogEntry)
 *   hashes:<name>     the chunk hashes, one after the other, of a file that has more than one chunk
 *   redo:<id>         a commit whose file is still in incoming/, or a removal whose file is still in files/
 */

import { ClassicLevel } from 'classic-level';
import { StorageLockedError, StorageUnusableError, messageOf } from '../base/errors.ts';
import {
  type CatalogEntry,
  type RedoEntry,
  decodeEntry,
  decodeRedo,
  encodeEntry,
  encodeRedo,
} from './catalog-entry.ts';
import { causeCode, named, storageError } from './file-errors.ts';
import { GroupCommit } from './group-commit.ts';

const SCHEMA_NUMBER = 1;
const SCHEMA_KEY = 'schema';
const SETTING = 'setting:';
const RECORD = 'record:';
const HASHES = 'hashes:';
const REDO = 'redo:';
/** How much of a listing is read ahead. */
const LIST_READ_AHEAD_BYTES = 256 * 1024;
const CACHE_BYTES = 16 * 1024 * 1024;

type Operation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string };

/** What a commit changes. */
export type CatalogChange = {
  readonly entry: CatalogEntry;
  /** Of a file with more than one chunk. */
  readonly hashes: Uint8Array | undefined;
  /** An earlier version left such a list. */
  readonly dropHashes: boolean;
  readonly redo: RedoEntry;
};

export type ListOptions = {
  readonly prefix: string;
  /** Only names that sort after this one. */
  readonly after: string;
  readonly limit: number;
  /** Removed files too. */
  readonly tombstones?: boolean;
};

export class Catalog {
  readonly #database: ClassicLevel<string, Uint8Array>;
  readonly #writes: GroupCommit<Operation>;

  private constructor(database: ClassicLevel<string, Uint8Array>) {
    this.#database = database;
    this.#writes = new GroupCommit((operations) => database.batch(operations, { sync: true }));
  }

  /** @throws StorageLockedError, StorageUnusableError, NoSpaceError */
  static async open(path: string): Promise<Catalog> {
    const database = new ClassicLevel<string, Uint8Array>(path, {
      keyEncoding: 'utf8',
      valueEncoding: 'view',
      cacheSize: CACHE_BYTES,
    });
    try {
      await database.open();
    } catch (error) {
      throw openError(path, error);
    }
    const catalog = new Catalog(database);
    try {
      await catalog.#checkSchema(path);
    } catch (error) {
      await database.close();
      throw error;
    }
    return catalog;
  }

  async #checkSchema(path: string): Promise<void> {
    const found = await this.#get(SCHEMA_KEY);
    if (found === undefined) {
      const value = Buffer.from(String(SCHEMA_NUMBER));
      await named(`starting ${path}`, () => this.#database.put(SCHEMA_KEY, value, { sync: true }));
      return;
    }
    const number = Buffer.from(found).toString();
    if (number === String(SCHEMA_NUMBER)) return;
    throw new StorageUnusableError(
      `${path} has the layout number ${number.slice(0, 20)}, this program knows ${String(SCHEMA_NUMBER)}; ` +
        'use the newer version of this program that wrote it, or another storage directory',
    );
  }

  async setting(key: string): Promise<Uint8Array | undefined> {
    return this.#get(SETTING + key);
  }

  /** Durable when it resolves. @throws as GroupCommit.commit */
  async putSetting(key: string, value: Uint8Array): Promise<void> {
    await this.#writes.commit([{ type: 'put', key: SETTING + key, value }]);
  }

  async entry(name: string): Promise<CatalogEntry | undefined> {
    const bytes = await this.#get(RECORD + name);
    return bytes === undefined ? undefined : decodeEntry(bytes);
  }

  async hashes(name: string): Promise<Uint8Array | undefined> {
    return this.#get(HASHES + name);
  }

  /** The commit point of a store or a removal. Durable when it resolves. @throws as GroupCommit.commit */
  async commit({ entry, hashes, dropHashes, redo }: CatalogChange): Promise<void> {
    const { name } = entry.record;
    const operations: Operation[] = [
      { type: 'put', key: RECORD + name, value: encodeEntry(entry) },
      { type: 'put', key: REDO + redo.id, value: encodeRedo(redo) },
    ];
    if (hashes !== undefined) operations.push({ type: 'put', key: HASHES + name, value: hashes });
    else if (dropHashes) operations.push({ type: 'del', key: HASHES + name });
    await this.#writes.commit(operations);
  }

  /** Forgets redo entries with some later write; carrying one out again does no harm. */
  dropRedo(ids: readonly string[]): void {
    this.#writes.addLazily(ids.map((id) => ({ type: 'del', key: REDO + id })));
  }

  async redoEntries(): Promise<RedoEntry[]> {
    const range = { gte: REDO, lt: after(REDO) };
    const found = await named('reading the catalog', () => this.#database.iterator(range).all());
    return found.map(([key, value]) => decodeRedo(key.slice(REDO.length), value));
  }

  /** By the names' UTF-8 bytes. Holds no more than a page and the read-ahead. */
  async list({ prefix, after: last, limit, tombstones = false }: ListOptions) {
    const from = Buffer.from(RECORD + prefix);
    const behind = Buffer.from(RECORD + last);
    const start = Buffer.compare(behind, from) >= 0 ? { gt: behind } : { gte: from };
    const entries: CatalogEntry[] = [];
    const values = this.#database.values<Buffer, Uint8Array>({
      ...start,
      lt: bytesAfter(from),
      keyEncoding: 'buffer',
      highWaterMarkBytes: LIST_READ_AHEAD_BYTES,
      fillCache: false,
    });
    try {
      for await (const value of values) {
        const entry = decodeEntry(plain(value));
        if (entry.record.tombstone && !tombstones) continue;
        if (entries.length === limit) return { entries, more: true };
        entries.push(entry);
      }
    } catch (error) {
      throw storageError('listing the catalog', error);
    }
    return { entries, more: false };
  }

  /** @throws StorageUnusableError when nothing can be written any more */
  check(): void {
    this.#writes.check();
  }

  /** Writes what waits to be written along. */
  async flush(): Promise<void> {
    await this.#writes.flush();
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#database.close();
  }

  /** At once: a small value is nearly always in memory, and a detour over the thread pool costs ten times as much. */
  async #get(key: string): Promise<Uint8Array | undefined> {
    const value = await named('reading the catalog', () => Promise.resolve(this.#database.getSync(key)));
    return value && plain(value);
  }
}

/** The database gives Buffers, whose `slice` and whose looks in tests are not those of a Uint8Array. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The first text behind all that begin with a prefix of ASCII. */
function after(prefix: string): string {
  return bytesAfter(Buffer.from(prefix)).toString();
}

/** The first bytes behind all that begin with these: the last byte goes up by one, which UTF-8 always allows. */
function bytesAfter(prefix: Buffer): Buffer {
  const bytes = Buffer.from(prefix);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) + 1, bytes.length - 1);
  return bytes;
}

function openError(path: string, error: unknown): Error {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = causeCode(cause);
  if (code === 'LEVEL_LOCKED') {
    return new StorageLockedError(
      `${path} is in use by another process; stop that one, or name another storage directory`,
      cause,
    );
  }
  if (code === 'LEVEL_CORRUPTION') {
    return new StorageUnusableError(`${path} is damaged (${messageOf(cause)}); restore it from a copy`, cause);
  }
  return storageError(`opening ${path}`, cause);
}
