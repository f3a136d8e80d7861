/**
 * Many small changes, one synced write: while one batch is being made durable, all that comes waits and goes in the
 * next. Under load a sync is thus shared by as many commits as arrive during one.
 *
 * After a failed write nothing more is written: whether its changes are on the disk is unknown, and what a database
 * appends behind a torn entry may be lost when it is read back. Reading goes on; opening anew clears it up.
 */

import { NoSpaceError, OutcomeUnknownError, StorageUnusableError, type StoreError } from '../base/errors.ts';
import { storageError } from './file-errors.ts';

/** Operations per write: bounds the memory of a batch. */
const BATCH_OPERATIONS_MAX = 4096;

type Waiting<T> = {
  readonly operations: readonly T[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

export class GroupCommit<T> {
  readonly #write: (operations: T[]) => Promise<void>;
  #waiting: Waiting<T>[] = [];
  #lazy: T[] = [];
  #running: Promise<void> | undefined;
  #failure: StoreError | undefined;

  /** @param write makes all of the operations durable, or none */
  constructor(write: (operations: T[]) => Promise<void>) {
    this.#write = write;
  }

  /**
   * Resolves when the operations are durable, all together.
   *
   * @throws OutcomeUnknownError when writing failed: they may show after the next start, or not
   * @throws StorageUnusableError, NoSpaceError when an earlier write failed; these were not tried
   */
  commit(operations: readonly T[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operations, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Takes operations that nobody waits for along with the next write. */
  addLazily(operations: readonly T[]): void {
    this.#lazy.push(...operations);
    if (this.#lazy.length >= BATCH_OPERATIONS_MAX) this.#running ??= this.#run();
  }

  /** Writes what was added lazily, and waits for all that is under way. Never throws: nobody waits for these. */
  async flush(): Promise<void> {
    if (this.#lazy.length > 0) this.#running ??= this.#run();
    while (this.#running !== undefined) await this.#running;
  }

  /** @throws StorageUnusableError, NoSpaceError when a write has failed */
  check(): void {
    if (this.#failure === undefined) return;
    const message = `nothing can be stored since a write failed: ${this.#failure.message}; then restart`;
    if (this.#failure instanceof NoSpaceError) throw new NoSpaceError(message, this.#failure);
    throw new StorageUnusableError(message, this.#failure);
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || this.#lazy.length > 0) {
      const group: Waiting<T>[] = [];
      const operations = this.#lazy;
      this.#lazy = [];
      while (this.#waiting.length > 0 && operations.length < BATCH_OPERATIONS_MAX) {
        const next = this.#waiting.shift();
        if (next === undefined) break;
        group.push(next);
        operations.push(...next.operations);
      }
      await this.#writeGroup(group, operations);
    }
    this.#running = undefined;
  }

  async #writeGroup(group: readonly Waiting<T>[], operations: T[]): Promise<void> {
    try {
      this.check();
    } catch (error) {
      for (const { reject } of group) reject(error);
      return;
    }
    try {
      await this.#write(operations);
    } catch (error) {
      this.#failure = storageError('writing the catalog', error);
      const unknown = new OutcomeUnknownError(
        `it is unknown whether this was stored: ${this.#failure.message}`,
        this.#failure,
      );
      for (const { reject } of group) reject(unknown);
      return;
    }
    for (const { resolve } of group) resolve();
  }
}
