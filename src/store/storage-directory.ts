/**
 * A peer's storage directory: plain files, and a catalog that says what they are. Content is staged (written, hashed
 * and durable in `incoming/`), then committed by one synced write of the catalog that holds record and redo entry.
 * That write is the commit point: what comes before leaves the old untouched, what comes after is finished
 * by the next start if it must be. Moving the file to its place follows the acknowledgement.
 *
 * It keeps true: a higher version is never replaced by a lower one; record, hashes and content that are handed out
 * belong to one version; one process has the directory.
 */

import { assert } from '../base/assert.ts';
import { NotReadyError } from '../base/errors.ts';
import type { SlotRange } from '../id/key.ts';
import type { Version } from '../id/version.ts';
import type { SignedRecord } from '../wire/record.ts';
import { checkWrite } from '../wire/succession.ts';
import { adopt } from './adoption.ts';
import type { ListOptions } from './catalog.ts';
import { type Admission, commitStaged, commitTombstone } from './commits.ts';
import { openStaged, openStored } from './content-opening.ts';
import { drop, purgeTombstones } from './forgetting.ts';
import type { SpaceReport } from './free-space.ts';
import type { HeldOptions } from './held-in.ts';
import type { RangeSummary, Totals } from './key-index.ts';
import { type ScrubOptions, type ScrubReport, scrub } from './scrub.ts';
import type { Held } from './slot-entry.ts';
import { IncomingFile } from './incoming-file.ts';
import type { StagedFile } from './staged-file.ts';
import type { StageOptions } from './staging.ts';
import { type StorageOptions, openStorage } from './storage-opening.ts';
import type { StorageParts } from './storage-parts.ts';
import type { StoredContent } from './stored-content.ts';
import { type Soundness, verify } from './verification.ts';

/** Bytes under a key, to which others give a meaning: certificate, parameters, known peers … */
export type Settings = {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Durable when it resolves. @throws StorageUnusableError, NoSpaceError, OutcomeUnknownError */
  put(key: string, value: Uint8Array): Promise<void>;
};

export class StorageDirectory {
  readonly path: string;
  readonly settings: Settings;
  readonly #parts: StorageParts;
  readonly #commits = new Set<Promise<unknown>>();
  readonly #readings = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  private constructor(parts: StorageParts) {
    const { layout, catalog } = parts;
    this.path = layout.root;
    this.settings = { get: (key) => catalog.setting(key), put: (key, value) => catalog.putSetting(key, value) };
    this.#parts = parts;
  }

  /**
   * Creates or opens a storage directory, and finishes or clears what an earlier process left half-done.
   *
   * @throws StorageLockedError when another process has it
   * @throws StorageUnusableError when it is no directory, not permitted, or of a newer layout
   */
  static async open(path: string, options: StorageOptions): Promise<StorageDirectory> {
    return new StorageDirectory(await openStorage(path, options));
  }

  /** The newest record of a name, a tombstone included. */
  async record(name: string): Promise<SignedRecord | undefined> {
    return (await this.#parts.catalog.entry(name))?.record;
  }

  /** Records by name, in the order of the names' UTF-8 bytes; removed files only where asked for. */
  async list(options: ListOptions): Promise<{ records: SignedRecord[]; more: boolean }> {
    const { entries, more } = await this.#parts.catalog.list(options);
    return { records: entries.map(({ record }) => record), more };
  }

  /**
   * Opens content for reading, pinned to the record's version.
   *
   * @throws NotFoundError when that version is not the present one (any more)
   * @throws ContentCorruptError when its file is gone, has another size or cannot be read: it is to be quarantined
   */
  openContent(record: SignedRecord): Promise<StoredContent> {
    return openStored(this.#parts, record);
  }

  /** The numbers of replicas of which there are records, ascending. */
  replicaCounts(): number[] {
    return this.#parts.catalog.index.replicaCounts();
  }

  /** How much is held of each range, and a digest by which two directories can tell whether they hold the same. */
  summarize(replicas: number, ranges: readonly SlotRange[]): RangeSummary[] {
    return this.#parts.catalog.index.summarize(replicas, ranges);
  }

  /** What is held of a range, tombstones included, by slot and then by the names' UTF-8 bytes, from `range.from` on. */
  heldIn(replicas: number, range: SlotRange, options: HeldOptions): Promise<{ held: Held[]; more: boolean }> {
    return this.#parts.catalog.heldIn(replicas, range, options);
  }

  get totals(): Totals {
    return this.#parts.catalog.index.totals;
  }

  /**
   * Begins a copy on its way in, or goes on with one that was suspended.
   *
   * Space is set aside only as bytes arrive, so that nobody blocks the disk by announcing.
   *
   * @throws NoSpaceError before any byte is written
   * @throws StorageUnusableError when nothing can be stored any more
   */
  async stage(options: StageOptions): Promise<StagedFile> {
    this.#throwIfClosed();
    this.#parts.catalog.check();
    return this.#parts.staging.begin(options);
  }

  /** A finished copy, for those who are to have it, too, before it is committed. @throws StorageUnusableError */
  openStaged(staged: StagedFile, record: SignedRecord): Promise<StoredContent> {
    assert(staged instanceof IncomingFile && staged.finished, 'a finished copy of this directory is read');
    return openStaged(this.#parts, staged.id, record, staged.chunkHashes);
  }

  /**
   * The commit point of a store. Durable, and visible, when it resolves. The very same version again is quiet. The
   * staged file is used up whatever the outcome.
   *
   * @throws VersionConflictError, NotPermittedError as `checkWrite`
   * @throws ContentCorruptError when size or hashes are not the record's
   * @throws OutcomeUnknownError when the catalog could not be written
   */
  async commit(staged: StagedFile, record: SignedRecord, admit: Admission = checkWrite): Promise<void> {
    this.#throwIfClosed();
    assert(staged instanceof IncomingFile && staged.finished, 'a finished copy of this directory is committed');
    assert(!record.tombstone, 'a tombstone has no content');
    await track(this.#commits, commitStaged(this.#parts, staged, record, admit));
  }

  /**
   * The commit point of a removal: the tombstone is durable when it resolves; the file goes later.
   *
   * @throws VersionConflictError, NotPermittedError, OutcomeUnknownError as commit
   */
  async commitTombstone(record: SignedRecord, admit: Admission = checkWrite): Promise<void> {
    this.#throwIfClosed();
    assert(record.tombstone, 'a removal is recorded by a tombstone');
    await track(this.#commits, commitTombstone(this.#parts, record, admit));
  }

  /**
   * Forgets a record and its file, tombstones included: for a peer that is not responsible for the name any more.
   * Durable when it resolves; the file goes later.
   *
   * @returns false when that very version is not here (any more)
   * @throws OutcomeUnknownError, StorageUnusableError, NoSpaceError
   */
  async drop(name: string, version: Version): Promise<boolean> {
    this.#throwIfClosed();
    return track(this.#commits, drop(this.#parts, name, version));
  }

  /**
   * Forgets tombstones that were committed here before a time.
   *
   * @param committedBeforeMs ms since 1970
   * @returns how many
   */
  async purgeTombstones(committedBeforeMs: number): Promise<number> {
    this.#throwIfClosed();
    return track(this.#commits, purgeTombstones(this.#parts, committedBeforeMs));
  }

  /**
   * Reads the file of a name again and compares it with its hashes; `absent` when there is none.
   *
   * @throws StorageUnusableError, BusyError when it could not be found out
   */
  async verify(name: string): Promise<Soundness> {
    this.#throwIfClosed();
    const record = await this.record(name);
    return record === undefined || record.tombstone
      ? 'absent'
      : track(this.#readings, verify(this.#parts, record, this.#whileOpen));
  }

  /**
   * Forgets a damaged file's record, so that it will be fetched anew, and moves the file, if there is one, to
   * `quarantine/`. Durable when it resolves; the file goes later.
   *
   * @returns false when that very version is not here (any more)
   */
  async quarantine(name: string, version: Version): Promise<boolean> {
    this.#throwIfClosed();
    return track(this.#commits, drop(this.#parts, name, version, 'set aside'));
  }

  /**
   * Takes the file that lies in the place of a name without a record for the content of this record, if that is what it
   * is. For a peer whose catalog was lost: content that is still here need not be sent again.
   *
   * @param hashes of the chunks, where they are known: what does not fit is noticed early
   * @returns false when there is no such file, it is not the record's, or the name has a record already
   */
  async adopt(record: SignedRecord, hashes: readonly Uint8Array[] | undefined): Promise<boolean> {
    this.#throwIfClosed();
    return track(this.#readings, adopt(this.#parts, record, hashes, this.#whileOpen));
  }

  /** Verifies all files, going on where the last pass was broken off. Ends when the directory is closed, too. */
  async scrub(options: ScrubOptions): Promise<ScrubReport> {
    this.#throwIfClosed();
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    return track(this.#readings, scrub(this.#parts, { ...options, signal }));
  }

  /** @throws StorageUnusableError when the system does not say */
  space(): Promise<SpaceReport> {
    return this.#parts.space.report();
  }

  /** Waits until every commit so far has been carried out in `files/`. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#commits);
    await this.#parts.placement.settle();
    await this.#parts.catalog.flush();
  }

  /** Lets commits under way end, suspends or gives up what is only staged, and frees the directory for another process. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await Promise.allSettled([...this.#commits, ...this.#readings]);
    await this.#parts.staging.end();
    await this.settle();
    await this.#parts.catalog.close();
  }

  /** Breaks a long reading off when the directory is closed. */
  readonly #whileOpen = (): Promise<void> => {
    this.#throwIfClosed();
    return Promise.resolve();
  };

  /** Whoever is in the midst of a transfer when the directory is closed hears of it here. */
  #throwIfClosed(): void {
    if (this.#closing.signal.aborted) throw new NotReadyError('this peer is stopping');
  }
}

async function track<T>(underWay: Set<Promise<unknown>>, operation: Promise<T>): Promise<T> {
  underWay.add(operation);
  try {
    return await operation;
  } finally {
    underWay.delete(operation);
  }
}
