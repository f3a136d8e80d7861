/**
 * A peer's storage directory: plain files, and a catalog that says what they are. Content is staged (written, hashed
 * and durable in `incoming/`), then committed by one synced write of the catalog that holds record and redo entry.
 * That write is the commit point: what comes before leaves the old untouched, what comes after is finished
 * by the next start if it must be. Moving the file to its place follows the acknowledgement.
 *
 * It keeps true: a higher version is never replaced by a lower one; record, hashes and content that are handed out
 * belong to one version; one process has the directory.
 */

import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { assert } from '../base/assert.ts';
import { equalBytes } from '../base/bytes.ts';
import { ContentCorruptError, NotFoundError, NotReadyError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { compareVersions, formatVersion } from '../id/version.ts';
import { checkSuccession } from '../wire/succession.ts';
import { type SignedRecord, chunkCount } from '../wire/record.ts';
import { Catalog, type ListOptions } from './catalog.ts';
import type { CatalogEntry } from './catalog-entry.ts';
import { causeCode, named } from './file-errors.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';
import { FREE_SPACE_FLOOR_BYTES_DEFAULT, FreeSpace } from './free-space.ts';
import { KeyedLock } from './keyed-lock.ts';
import { Layout } from './layout.ts';
import { Placement } from './placement.ts';
import { recover } from './recovery.ts';
import { safePath } from './safe-path.ts';
import { SharedSync } from './shared-sync.ts';
import { IncomingFile, type StagedFile } from './staged-file.ts';
import { OpenContent, type StoredContent, splitHashes } from './stored-content.ts';

const ID_BYTES = 16;

export type StorageOptions = {
  readonly log: Log;
  /** Below so many free bytes nothing is taken any more. */
  readonly freeSpaceFloorBytes?: number;
  /** For tests: calls to the file system can be made to stop or fail. */
  readonly files?: FileSystem;
};

/** Bytes under a key, to which others give a meaning: certificate, parameters, known peers … */
export type Settings = {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Durable when it resolves. @throws StorageUnusableError, NoSpaceError, OutcomeUnknownError */
  put(key: string, value: Uint8Array): Promise<void>;
};

export class StorageDirectory {
  readonly path: string;
  readonly settings: Settings;
  readonly #files: FileSystem;
  readonly #layout: Layout;
  readonly #catalog: Catalog;
  readonly #placement: Placement;
  readonly #space: FreeSpace;
  readonly #incomingSync: SharedSync;
  readonly #lock = new KeyedLock();
  readonly #staged = new Set<IncomingFile>();
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  private constructor(layout: Layout, catalog: Catalog, options: StorageOptions) {
    const { log, files = nodeFileSystem, freeSpaceFloorBytes = FREE_SPACE_FLOOR_BYTES_DEFAULT } = options;
    this.path = layout.root;
    this.settings = { get: (key) => catalog.setting(key), put: (key, value) => catalog.putSetting(key, value) };
    this.#files = files;
    this.#layout = layout;
    this.#catalog = catalog;
    this.#space = new FreeSpace(files, layout.root, freeSpaceFloorBytes);
    this.#incomingSync = new SharedSync(() => files.syncDirectory(layout.incoming));
    const dropRedo = (ids: readonly string[]) => {
      catalog.dropRedo(ids);
    };
    this.#placement = new Placement({ files, layout, lock: this.#lock, log, dropRedo });
  }

  /**
   * Creates or opens a storage directory, and finishes or clears what an earlier process left half-done.
   *
   * @throws StorageLockedError when another process has it
   * @throws StorageUnusableError when it is no directory, not permitted, damaged, or of a newer layout
   */
  static async open(path: string, options: StorageOptions): Promise<StorageDirectory> {
    const { log, files = nodeFileSystem } = options;
    const layout = new Layout(resolve(path));
    await layout.make(files);
    const catalog = await Catalog.open(layout.catalog);
    try {
      await named(`opening ${layout.root}`, () => files.syncDirectory(layout.root));
      const directory = new StorageDirectory(layout, catalog, options);
      await recover({ files, layout, catalog, placement: directory.#placement, log });
      return directory;
    } catch (error) {
      await catalog.close();
      throw error;
    }
  }

  /** The newest record of a name, a tombstone included. */
  async record(name: string): Promise<SignedRecord | undefined> {
    return (await this.#catalog.entry(name))?.record;
  }

  /** Records by name, in the order of the names' UTF-8 bytes; removed files only where asked for. */
  async list(options: ListOptions): Promise<{ records: SignedRecord[]; more: boolean }> {
    const { entries, more } = await this.#catalog.list(options);
    return { records: entries.map(({ record }) => record), more };
  }

  /**
   * Opens content for reading, pinned to the record's version.
   *
   * @throws NotFoundError when that version is not the present one (any more)
   * @throws ContentCorruptError when its file is gone or has another size
   */
  openContent(record: SignedRecord): Promise<StoredContent> {
    return this.#lock.run(record.name, async () => {
      const entry = await this.#catalog.entry(record.name);
      if (entry === undefined || entry.record.tombstone || !isSame(entry.record, record)) {
        throw new NotFoundError(`"${record.name}" is not here in version ${formatVersion(record.version)}`);
      }
      const chunks = chunkCount(record.size, record.chunkBytes);
      const kept = chunks === 1 ? undefined : await this.#catalog.hashes(record.name);
      const fd = await this.#openFile(entry);
      return new OpenContent(this.#files, fd, entry.record, splitHashes(entry.record, kept, chunks));
    });
  }

  async #openFile({ record, path }: CatalogEntry): Promise<number> {
    const file = this.#placement.locate(record.name, path);
    return named(`opening ${file}`, async () => {
      let fd: number;
      try {
        fd = await this.#files.open(file, 'read');
      } catch (error) {
        if (causeCode(error) !== 'ENOENT') throw error;
        throw new ContentCorruptError(`the file of "${record.name}" is gone from the storage directory`, error);
      }
      const size = await this.#files.size(fd);
      if (size === record.size) return fd;
      await this.#files.close(fd);
      throw new ContentCorruptError(
        `the file of "${record.name}" has ${String(size)} bytes where its record says ${String(record.size)}`,
      );
    });
  }

  /**
   * Begins a copy on its way in.
   *
   * @param options.sizeHint bytes to come, where known: refused at once when they do not fit. Space is set aside only
   *   as bytes arrive, so that nobody blocks the disk by announcing
   * @throws NoSpaceError before any byte is written
   * @throws StorageUnusableError when nothing can be stored any more
   */
  async stage(options: { chunkBytes: number; sizeHint?: number }): Promise<StagedFile> {
    this.#throwIfClosed();
    this.#catalog.check();
    const space = await this.#space.begin(options.sizeHint ?? 0);
    const id = randomBytes(ID_BYTES).toString('hex');
    const staged = new IncomingFile({
      files: this.#files,
      path: this.#layout.incomingFile(id),
      id,
      chunkBytes: options.chunkBytes,
      space,
      syncIncoming: () => this.#incomingSync.request(),
      onEnd: () => {
        this.#staged.delete(staged);
      },
    });
    this.#staged.add(staged);
    return staged;
  }

  /**
   * The commit point of a store. Durable, and visible, when it resolves. The very same version again is quiet. The
   * staged file is used up whatever the outcome.
   *
   * @throws VersionConflictError, NotPermittedError as `checkSuccession`
   * @throws ContentCorruptError when size or hashes are not the record's
   * @throws OutcomeUnknownError when the catalog could not be written
   */
  async commit(staged: StagedFile, record: SignedRecord): Promise<void> {
    this.#throwIfClosed();
    assert(staged instanceof IncomingFile && staged.finished, 'a finished copy of this directory is committed');
    assert(!record.tombstone, 'a tombstone has no content');
    await this.#track(this.#commit(staged, record));
  }

  async #commit(staged: IncomingFile, record: SignedRecord): Promise<void> {
    try {
      checkContent(staged, record);
      await this.#placement.room();
      const hashes = staged.chunkHashes.length > 1 ? Buffer.concat(staged.chunkHashes) : undefined;
      await this.#replace(record, staged.id, hashes, () => {
        staged.handOver();
      });
    } finally {
      await staged.discard();
    }
  }

  /**
   * The commit point of a removal: the tombstone is durable when it resolves; the file goes later.
   *
   * @throws VersionConflictError, NotPermittedError, OutcomeUnknownError as commit
   */
  async commitTombstone(record: SignedRecord): Promise<void> {
    this.#throwIfClosed();
    assert(record.tombstone, 'a removal is recorded by a tombstone');
    await this.#track(
      this.#placement.room().then(() => this.#replace(record, randomBytes(ID_BYTES).toString('hex'), undefined)),
    );
  }

  async #replace(record: SignedRecord, id: string, hashes: Buffer | undefined, onTaken?: () => void): Promise<void> {
    const { name, version } = record;
    await this.#lock.run(name, async () => {
      const present = await this.#catalog.entry(name);
      if (present !== undefined && isSame(present.record, record)) return;
      checkSuccession(present?.record, record);
      const path = present?.path ?? safePath(name);
      const dropHashes = present !== undefined && chunkCount(present.record.size, present.record.chunkBytes) > 1;
      // From here on the copy may be what the catalog names, even if the write fails: it must not be deleted.
      onTaken?.();
      await this.#catalog.commit({
        entry: { record, path, committedMs: Date.now() },
        hashes,
        dropHashes,
        redo: { id, name, version },
      });
      this.#placement.place({ id, name, path, removal: record.tombstone });
    });
  }

  /** Waits until every commit so far has been carried out in `files/`. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.#placement.settle();
    await this.#catalog.flush();
  }

  /** Lets commits under way end, gives up what is only staged, and frees the directory for another process. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#underWay);
    await Promise.allSettled([...this.#staged].map((staged) => staged.discard()));
    await this.settle();
    await this.#catalog.close();
  }

  /** Whoever is in the midst of a transfer when the directory is closed hears of it here. */
  #throwIfClosed(): void {
    if (this.#closed) throw new NotReadyError('this peer is stopping');
  }

  async #track<T>(operation: Promise<T>): Promise<T> {
    this.#underWay.add(operation);
    try {
      return await operation;
    } finally {
      this.#underWay.delete(operation);
    }
  }
}

function isSame(a: SignedRecord, b: SignedRecord): boolean {
  return (
    compareVersions(a.version, b.version) === 0 &&
    a.tombstone === b.tombstone &&
    a.size === b.size &&
    a.chunkBytes === b.chunkBytes &&
    equalBytes(a.merkleRoot, b.merkleRoot)
  );
}

function checkContent(staged: IncomingFile, record: SignedRecord): void {
  if (staged.chunkBytes !== record.chunkBytes) {
    throw new ContentCorruptError(`"${record.name}" was received in chunks of another size than its record says`);
  }
  if (staged.size !== record.size || !equalBytes(staged.merkleRoot, record.merkleRoot)) {
    throw new ContentCorruptError(`what was received of "${record.name}" is not what its record says`);
  }
}
