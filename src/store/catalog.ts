/**
 * The catalog of a storage directory: which records it has, in an embedded database (log-structured, so that a commit
 * is one append and one sync; its own lock keeps a second process out), and an index of them in memory by place on the
 * ring. How the keys look stands in catalog-database.ts.
 */

import type { Log } from '../base/log.ts';
import { slotOfName, type SlotRange } from '../id/key.ts';
import { type CatalogEntry, type RedoEntry, decodeEntry, decodeRedo } from './catalog-entry.ts';
import { type CatalogChange, commitOperations, dropOperations, forgetOperations } from './catalog-change.ts';
import {
  type Database,
  HASHES,
  type KeyRange,
  type Operation,
  RECORD,
  REDO,
  type Row,
  SETTING,
  SLOT,
  openDatabase,
  plain,
  prefixRange,
  scan,
} from './catalog-database.ts';
import { bringUpToDate } from './catalog-schema.ts';
import { isDatabaseDamage, named } from './file-errors.ts';
import { GroupCommit } from './group-commit.ts';
import { type HeldOptions, heldIn } from './held-in.ts';
import { KeyIndex } from './key-index.ts';
import { type Held, type SlotEntry, decodeSlotEntry, slotEntryOf, slotKey } from './slot-entry.ts';

export type ListOptions = {
  readonly prefix: string;
  /** Only names that sort after this one. */
  readonly after: string;
  readonly limit: number;
  /** Removed files too. */
  readonly tombstones?: boolean;
};

export type CatalogOptions = {
  readonly isNew: boolean;
  /** Write what follows from the records anew. */
  readonly afresh: boolean;
  readonly log: Log;
  /** Parts of the database turn out to be damaged while it is in use. */
  readonly onDamage: () => void;
};

export class Catalog {
  readonly #database: Database;
  readonly #options: CatalogOptions;
  readonly #writes: GroupCommit<Operation>;
  /** Names whose entries cannot be read: they count as absent, and the next commit replaces them. */
  readonly #unreadable = new Set<string>();
  /** Follows each write when that is durable. */
  readonly index = new KeyIndex();

  private constructor(database: Database, options: CatalogOptions) {
    this.#database = database;
    this.#options = options;
    this.#writes = new GroupCommit((operations) => this.#noting(() => database.batch(operations, { sync: true })));
  }

  /** @throws StorageLockedError, StorageUnusableError, NoSpaceError */
  static async open(path: string, options: CatalogOptions): Promise<Catalog> {
    const database = await openDatabase(path, options.isNew);
    const catalog = new Catalog(database, options);
    try {
      await bringUpToDate(database, path, options.afresh);
      if (!(await catalog.#loadIndex())) {
        options.log.warn('store.slots.damaged', { catalog: path });
        await bringUpToDate(database, path, true);
        await catalog.#loadIndex();
      }
    } catch (error) {
      await database.close();
      throw error;
    }
    return catalog;
  }

  /** False when a slot entry cannot be read: they are to be written anew then. */
  async #loadIndex(): Promise<boolean> {
    this.index.clear();
    for await (const rows of scan(this.#database, prefixRange(SLOT))) {
      for (const row of rows) {
        const entry = decodeSlotEntry(row);
        if (entry === undefined) return false;
        this.index.add(entry);
      }
    }
    return true;
  }

  async setting(key: string): Promise<Uint8Array | undefined> {
    return this.#get(SETTING + key);
  }

  /** Durable when it resolves. @throws as GroupCommit.commit */
  async putSetting(key: string, value: Uint8Array): Promise<void> {
    await this.#writes.commit([{ type: 'put', key: SETTING + key, value }]);
  }

  async entry(name: string): Promise<CatalogEntry | undefined> {
    let bytes: Uint8Array | undefined;
    try {
      bytes = await this.#get(RECORD + name);
    } catch (error) {
      if (!isDatabaseDamage(error)) throw error;
      this.#noteUnreadable(name);
      return undefined;
    }
    return bytes && this.#decode(name, bytes);
  }

  /** Whether there is an entry that counts as absent because it cannot be read. Known once it was asked for. */
  isUnreadable(name: string): boolean {
    return this.#unreadable.has(name);
  }

  #decode(name: string, bytes: Uint8Array): CatalogEntry | undefined {
    const entry = decodeEntry(name, bytes);
    if (entry === undefined) this.#noteUnreadable(name);
    return entry;
  }

  #noteUnreadable(name: string): void {
    if (!this.#unreadable.has(name)) this.#options.log.error('store.record.unreadable', { name });
    this.#unreadable.add(name);
  }

  async hashes(name: string): Promise<Uint8Array | undefined> {
    return this.#get(HASHES + name);
  }

  /** The commit point of a store or a removal. Durable when it resolves. @throws as GroupCommit.commit */
  async commit(change: CatalogChange): Promise<void> {
    const { entry, present } = change;
    const { name } = entry.record;
    const slot = slotEntryOf(entry.record);
    const former = present === undefined ? await this.#slotsOfUnreadable(name) : [slotEntryOf(present.record)];
    const operations = commitOperations(change, slot, former, this.isUnreadable(name));
    await this.#writes.commit(operations);
    for (const old of former) this.index.remove(old);
    this.index.add(slot);
    this.#unreadable.delete(name);
  }

  /** The slot entries that an entry that cannot be read left behind. */
  async #slotsOfUnreadable(name: string): Promise<SlotEntry[]> {
    if (!this.isUnreadable(name)) return [];
    const found: SlotEntry[] = [];
    for (const replicas of this.index.replicaCounts()) {
      const key = slotKey({ replicas, slot: slotOfName(name), name: Buffer.from(name) });
      const value = await this.#get(key);
      const entry = value && decodeSlotEntry([Buffer.from(key), value]);
      if (entry !== undefined) found.push(entry);
    }
    return found;
  }

  /** The point from which a record is forgotten. Durable when it resolves. @throws as GroupCommit.commit */
  async drop(entry: CatalogEntry, redo: RedoEntry): Promise<void> {
    const slot = slotEntryOf(entry.record);
    await this.#writes.commit(dropOperations(entry, slot, redo));
    this.index.remove(slot);
  }

  /** Names whose entries were found unreadable so far. */
  unreadableNames(): string[] {
    return [...this.#unreadable];
  }

  /** Forgets an entry that cannot be read and all that goes with it, so that the name is seen to be missing here. */
  async forgetUnreadable(name: string): Promise<void> {
    if (!this.isUnreadable(name)) return;
    const slots = await this.#slotsOfUnreadable(name);
    await this.#writes.commit(forgetOperations(name, slots));
    for (const slot of slots) this.index.remove(slot);
    this.#unreadable.delete(name);
  }

  /** Forgets redo entries with some later write; carrying one out again does no harm. */
  dropRedo(ids: readonly string[]): void {
    this.#writes.addLazily(ids.map((id) => ({ type: 'del', key: REDO + id })));
  }

  async redoEntries(): Promise<RedoEntry[]> {
    const entries: RedoEntry[] = [];
    for await (const rows of this.#scan(prefixRange(REDO))) {
      for (const [key, value] of rows) {
        const id = key.toString('utf8', REDO.length);
        const entry = decodeRedo(id, plain(value));
        if (entry !== undefined) entries.push(entry);
        else this.#options.log.error('store.redo.unreadable', { id });
      }
    }
    return entries;
  }

  /** Tombstones committed before a time, some at a time. */
  async *tombstonesBefore(committedMs: number): AsyncGenerator<CatalogEntry[]> {
    for await (const rows of this.#scan(prefixRange(RECORD))) {
      const entries = rows.map((row) => this.#entryOf(row)).filter((entry) => entry !== undefined);
      yield entries.filter((entry) => entry.record.tombstone && entry.committedMs < committedMs);
    }
  }

  /** By the names' UTF-8 bytes. Holds no more than a page and the read-ahead. */
  async list({ prefix, after: last, limit, tombstones = false }: ListOptions) {
    const { gte, lt } = prefixRange(RECORD + prefix);
    const behind = Buffer.from(RECORD + last);
    const start = Buffer.compare(behind, gte) >= 0 ? { gt: behind } : { gte };
    const entries: CatalogEntry[] = [];
    for await (const rows of this.#scan({ ...start, lt }, limit + 1)) {
      for (const row of rows) {
        const entry = this.#entryOf(row);
        if (entry === undefined || (entry.record.tombstone && !tombstones)) continue;
        if (entries.length === limit) return { entries, more: true };
        entries.push(entry);
      }
    }
    return { entries, more: false };
  }

  #entryOf([key, value]: Row): CatalogEntry | undefined {
    return this.#decode(key.toString('utf8', RECORD.length), plain(value));
  }

  heldIn(replicas: number, range: SlotRange, options: HeldOptions): Promise<{ held: Held[]; more: boolean }> {
    return heldIn((keys, rowsAtOnce) => this.#scan(keys, rowsAtOnce), replicas, range, options);
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
    // As bytes: the database's own conversion loses the end of a key of more than 1,024 bytes that is not ASCII.
    const bytes = Buffer.from(key);
    const read = () => Promise.resolve(this.#database.getSync<Buffer, Uint8Array>(bytes, { keyEncoding: 'buffer' }));
    const value = await this.#noting(() => named('reading the catalog', read));
    return value && plain(value);
  }

  async *#scan(range: KeyRange, rowsAtOnce?: number): AsyncGenerator<Row[]> {
    try {
      yield* scan(this.#database, range, rowsAtOnce);
    } catch (error) {
      if (isDatabaseDamage(error)) this.#options.onDamage();
      throw error;
    }
  }

  async #noting<T>(access: () => Promise<T>): Promise<T> {
    try {
      return await access();
    } catch (error) {
      if (isDatabaseDamage(error)) this.#options.onDamage();
      throw error;
    }
  }
}
