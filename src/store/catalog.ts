/**
 * The catalog of a storage directory: which records it has, in an embedded database (log-structured, so that a commit
 * is one append and one sync; its own lock keeps a second process out), and an index of them in memory by place on the
 * ring. How the keys look stands in catalog-database.ts.
 */

import {
  type CatalogEntry,
  type RedoEntry,
  decodeEntry,
  decodeRedo,
  encodeEntry,
  encodeRedo,
} from './catalog-entry.ts';
import {
  type Database,
  HASHES,
  type Operation,
  RECORD,
  REDO,
  SETTING,
  SLOT,
  openDatabase,
  plain,
  prefixRange,
  scan,
} from './catalog-database.ts';
import type { SlotRange } from '../id/key.ts';
import { bringUpToDate } from './catalog-schema.ts';
import { named } from './file-errors.ts';
import { GroupCommit } from './group-commit.ts';
import { type HeldOptions, heldIn } from './held-in.ts';
import { KeyIndex } from './key-index.ts';
import { type Held, decodeSlotEntry, encodeSlotEntry, slotEntryOf, slotKey } from './slot-entry.ts';
import { chunkCount } from '../wire/record.ts';

/** What a commit changes. */
export type CatalogChange = {
  readonly entry: CatalogEntry;
  /** What it replaces. */
  readonly present: CatalogEntry | undefined;
  /** Of a file with more than one chunk. */
  readonly hashes: Uint8Array | undefined;
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
  readonly #database: Database;
  readonly #writes: GroupCommit<Operation>;
  /** Follows each write when that is durable. */
  readonly index = new KeyIndex();

  private constructor(database: Database) {
    this.#database = database;
    this.#writes = new GroupCommit((operations) => database.batch(operations, { sync: true }));
  }

  /** @throws StorageLockedError, StorageUnusableError, NoSpaceError */
  static async open(path: string): Promise<Catalog> {
    const database = await openDatabase(path);
    const catalog = new Catalog(database);
    try {
      await bringUpToDate(database, path);
      await catalog.#loadIndex();
    } catch (error) {
      await database.close();
      throw error;
    }
    return catalog;
  }

  async #loadIndex(): Promise<void> {
    for await (const rows of scan(this.#database, prefixRange(SLOT))) {
      for (const row of rows) this.index.add(decodeSlotEntry(row));
    }
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
  async commit({ entry, present, hashes, redo }: CatalogChange): Promise<void> {
    const { name } = entry.record;
    const slot = slotEntryOf(entry.record);
    const before = present && slotEntryOf(present.record);
    const operations: Operation[] = [
      { type: 'put', key: RECORD + name, value: encodeEntry(entry) },
      { type: 'put', key: REDO + redo.id, value: encodeRedo(redo) },
      { type: 'put', key: slotKey(slot), value: encodeSlotEntry(slot) },
    ];
    if (before !== undefined && before.replicas !== slot.replicas) {
      operations.push({ type: 'del', key: slotKey(before) });
    }
    if (hashes !== undefined) operations.push({ type: 'put', key: HASHES + name, value: hashes });
    else if (present !== undefined && hasHashList(present)) operations.push({ type: 'del', key: HASHES + name });
    await this.#writes.commit(operations);
    if (before !== undefined) this.index.remove(before);
    this.index.add(slot);
  }

  /** The point from which a record is forgotten. Durable when it resolves. @throws as GroupCommit.commit */
  async drop(entry: CatalogEntry, redo: RedoEntry): Promise<void> {
    const { name } = entry.record;
    const slot = slotEntryOf(entry.record);
    const operations: Operation[] = [
      { type: 'del', key: RECORD + name },
      { type: 'del', key: slotKey(slot) },
      { type: 'put', key: REDO + redo.id, value: encodeRedo(redo) },
    ];
    if (hasHashList(entry)) operations.push({ type: 'del', key: HASHES + name });
    await this.#writes.commit(operations);
    this.index.remove(slot);
  }

  /** Forgets redo entries with some later write; carrying one out again does no harm. */
  dropRedo(ids: readonly string[]): void {
    this.#writes.addLazily(ids.map((id) => ({ type: 'del', key: REDO + id })));
  }

  async redoEntries(): Promise<RedoEntry[]> {
    const entries: RedoEntry[] = [];
    for await (const rows of scan(this.#database, prefixRange(REDO))) {
      for (const [key, value] of rows) entries.push(decodeRedo(key.toString('utf8', REDO.length), plain(value)));
    }
    return entries;
  }

  /** Tombstones committed before a time, some at a time. */
  async *tombstonesBefore(committedMs: number): AsyncGenerator<CatalogEntry[]> {
    for await (const rows of scan(this.#database, prefixRange(RECORD))) {
      const entries = rows.map(([, value]) => decodeEntry(plain(value)));
      yield entries.filter((entry) => entry.record.tombstone && entry.committedMs < committedMs);
    }
  }

  /** By the names' UTF-8 bytes. Holds no more than a page and the read-ahead. */
  async list({ prefix, after: last, limit, tombstones = false }: ListOptions) {
    const { gte, lt } = prefixRange(RECORD + prefix);
    const behind = Buffer.from(RECORD + last);
    const start = Buffer.compare(behind, gte) >= 0 ? { gt: behind } : { gte };
    const entries: CatalogEntry[] = [];
    for await (const rows of scan(this.#database, { ...start, lt }, limit + 1)) {
      for (const [, value] of rows) {
        const entry = decodeEntry(plain(value));
        if (entry.record.tombstone && !tombstones) continue;
        if (entries.length === limit) return { entries, more: true };
        entries.push(entry);
      }
    }
    return { entries, more: false };
  }

  heldIn(replicas: number, range: SlotRange, options: HeldOptions): Promise<{ held: Held[]; more: boolean }> {
    return heldIn(this.#database, replicas, range, options);
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

/** Whether the chunk hashes of its file are kept beside it: those of a single chunk are the Merkle root. */
function hasHashList({ record }: CatalogEntry): boolean {
  return chunkCount(record.size, record.chunkBytes) > 1;
}
