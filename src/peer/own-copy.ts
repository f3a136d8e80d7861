/**
 * This peer's own copy of what is being stored or removed: staged while it arrives, committed or given up in the end. A
 * failure to stage does not stop the others, so it is kept here until somebody asks.
 */

import { defined } from '../base/assert.ts';
import { toHex } from '../base/bytes.ts';
import { BadMessageError, StoreError } from '../base/errors.ts';
import type { Admission } from '../store/commits.ts';
import type { StagedFile } from '../store/staged-file.ts';
import type { StageOptions } from '../store/staging.ts';
import type { StorageDirectory } from '../store/storage-directory.ts';
import type { KeptChunks } from '../wire/file.ts';
import { merkleRoot } from '../wire/merkle.ts';
import type { SignedRecord } from '../wire/record.ts';

type OwnCopyOptions = {
  readonly chunkBytes: number;
  readonly sizeHint: number | undefined;
  /**
   * Of an upload that may be gone on with. It is not bound to the client: whoever knows another one's could only add wrong
   * bytes to what is kept, or have it thrown away, and the former fails at the Merkle root of the record that is signed.
   */
  readonly uploadId?: Uint8Array | undefined;
};

export class OwnCopy {
  readonly #storage: StorageDirectory;
  readonly #options: StageOptions | undefined;
  #staged: StagedFile | undefined;
  #failure: StoreError | undefined;

  private constructor(storage: StorageDirectory, options?: StageOptions) {
    this.#storage = storage;
    this.#options = options;
  }

  static async begin(storage: StorageDirectory, options: OwnCopyOptions): Promise<OwnCopy> {
    const { chunkBytes, sizeHint, uploadId } = options;
    const copy = new OwnCopy(storage, {
      chunkBytes,
      ...(sizeHint === undefined ? {} : { sizeHint }),
      ...(uploadId === undefined ? {} : { uploadId: toHex(uploadId) }),
    });
    await copy.#stage();
    return copy;
  }

  /** What was there already when it began. */
  get kept(): KeptChunks | undefined {
    const hashes = this.#staged?.chunkHashes ?? [];
    return hashes.length === 0 ? undefined : { chunks: hashes.length, merkleRoot: merkleRoot(hashes) };
  }

  /** The same, chunk by chunk. Each is valid until the next one is asked for. @throws as StagedFile.keptChunks */
  async *keptChunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#staged !== undefined) yield* this.#staged.keptChunks();
  }

  /** Throws away what was there. @throws NoSpaceError, StorageUnusableError */
  async startAnew(): Promise<void> {
    await this.discard();
    await this.#stage();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** For a removal, which has no content. */
  static ofRemoval(storage: StorageDirectory): OwnCopy {
    return new OwnCopy(storage);
  }

  /** Why it cannot be staged, if it cannot. */
  get failure(): StoreError | undefined {
    return this.#failure;
  }

  /** The staged content, once it is finished. */
  get content(): StagedFile | undefined {
    return this.#staged;
  }

  /** Never rejects for a failure of the disk: `finish` tells. */
  write(parts: readonly Uint8Array[]): Promise<void> {
    return this.#attempt(async () => this.#staged?.write(parts));
  }

  /** Durable when it resolves without an error. */
  async finish(record: SignedRecord): Promise<StoreError | undefined> {
    if (record.tombstone) {
      this.#failure = undefined;
      await this.discard();
      return undefined;
    }
    await this.#attempt(async () => {
      if (this.#staged === undefined) throw new BadMessageError('a file without content');
      await this.#staged.finish();
    });
    return this.#failure;
  }

  /** @throws VersionConflictError, NotPermittedError, ContentCorruptError, OutcomeUnknownError */
  async commit(record: SignedRecord, admit: Admission): Promise<void> {
    if (record.tombstone) {
      await this.#storage.commitTombstone(record, admit);
      return;
    }
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#staged === undefined) throw new BadMessageError('a file without content');
    await this.#storage.commit(this.#staged, record, admit);
  }

  async discard(): Promise<void> {
    await this.#staged?.discard();
    this.#staged = undefined;
  }

  /** Keeps what there is for an upload that is gone on with later, and gives the copy up otherwise. */
  async suspend(): Promise<void> {
    await this.#staged?.suspend();
    this.#staged = undefined;
  }

  async #stage(): Promise<void> {
    const options = defined(this.#options, 'a removal has no content');
    await this.#attempt(async () => {
      this.#staged = await this.#storage.stage(options);
    });
  }

  async #attempt(step: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      await step();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#failure = error;
    }
  }
}
