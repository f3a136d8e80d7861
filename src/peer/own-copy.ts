/**
 * This peer's own copy of what is being stored or removed: staged while it arrives, committed or given up in the end. A
 * failure to stage does not stop the others, so it is kept here until somebody asks.
 */

import { BadMessageError, StoreError } from '../base/errors.ts';
import type { Admission } from '../store/commits.ts';
import type { StagedFile } from '../store/staged-file.ts';
import type { StorageDirectory } from '../store/storage-directory.ts';
import type { SignedRecord } from '../wire/record.ts';

export class OwnCopy {
  readonly #storage: StorageDirectory;
  #staged: StagedFile | undefined;
  #failure: StoreError | undefined;

  private constructor(storage: StorageDirectory) {
    this.#storage = storage;
  }

  static async begin(
    storage: StorageDirectory,
    options: { readonly chunkBytes: number; readonly sizeHint: number | undefined },
  ): Promise<OwnCopy> {
    const copy = new OwnCopy(storage);
    const { chunkBytes, sizeHint } = options;
    await copy.#attempt(async () => {
      copy.#staged = await storage.stage({ chunkBytes, ...(sizeHint === undefined ? {} : { sizeHint }) });
    });
    return copy;
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
