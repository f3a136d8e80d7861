/**
 * A stored file opened for reading, at one version: it holds the file's descriptor, so what it reads stays the same
 * when the file is overwritten or removed meanwhile. Nothing is hashed here: whoever hands the bytes on to a reader
 * checks them against the chunk hashes.
 *
 * Reading alternates between two buffers, one being read into while the other is in the hands of the caller. New
 * ones for every MiB would cost about as much again in page faults as the reading itself.
 */

import { assert } from '../base/assert.ts';
import { ContentCorruptError } from '../base/errors.ts';
import type { SignedRecord } from '../wire/record.ts';
import { namedContent, storageError } from './file-errors.ts';
import type { FileSystem } from './file-system.ts';

const READ_BYTES = 1024 * 1024;

export type StoredContent = {
  readonly record: SignedRecord;
  /** SHA-256 of each chunk. */
  readonly chunkHashes: readonly Uint8Array[];
  /**
   * The bytes of a range, in order, in pieces of up to 1 MiB that begin at multiples of 1 MiB from the offset. A piece
   * is valid only until the next one is asked for: its buffer is used again. Copy what is to be kept.
   *
   * @throws ContentCorruptError when the file has become shorter, or the disk cannot read it
   * @throws StorageUnusableError, BusyError for what is no fault of this one file
   */
  read(offset: number, length: number): AsyncGenerator<Uint8Array, void, undefined>;
  /** No new reading from here on; the file is closed when the last reading under way has ended. */
  close(): Promise<void>;
};

export class OpenContent implements StoredContent {
  readonly record: SignedRecord;
  readonly chunkHashes: readonly Uint8Array[];
  readonly #files: FileSystem;
  readonly #fd: number;
  #readers = 0;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(files: FileSystem, fd: number, record: SignedRecord, chunkHashes: readonly Uint8Array[]) {
    this.#files = files;
    this.#fd = fd;
    this.record = record;
    this.chunkHashes = chunkHashes;
  }

  async *read(offset: number, length: number): AsyncGenerator<Uint8Array, void, undefined> {
    assert(offset >= 0 && length >= 0 && offset + length <= this.record.size, 'the range lies within the file');
    assert(this.#closing === undefined, 'reading after close');
    this.#readers++;
    let ahead: Promise<Uint8Array> | undefined;
    try {
      const end = offset + length;
      let position = offset;
      let free = Buffer.allocUnsafeSlow(Math.min(length, READ_BYTES));
      let lent = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length - READ_BYTES, READ_BYTES)));
      const next = (): Promise<Uint8Array> | undefined => {
        if (position >= end) return undefined;
        const piece = free.subarray(0, Math.min(end - position, READ_BYTES));
        const at = position;
        position += piece.length;
        [free, lent] = [lent, free];
        const reading = this.#fill(piece, at);
        reading.catch(() => undefined); // Whoever awaits it gets the error.
        return reading;
      };
      ahead = next();
      while (ahead !== undefined) {
        const piece = await ahead;
        ahead = next();
        yield piece;
      }
    } finally {
      // The descriptor must not be closed, nor the buffer let go, under a read that still runs.
      if (ahead !== undefined) await Promise.allSettled([ahead]);
      this.#readers--;
      await this.#closeIfIdle();
    }
  }

  async close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers();
      this.#closing.promise.catch(() => undefined); // Whoever called close gets the error.
      await this.#closeIfIdle();
    }
    if (this.#readers === 0) await this.#closing.promise;
  }

  async #closeIfIdle(): Promise<void> {
    if (this.#closing === undefined || this.#readers > 0) return;
    try {
      await this.#files.close(this.#fd);
      this.#closing.resolve();
    } catch (error) {
      this.#closing.reject(storageError(`closing "${this.record.name}"`, error));
    }
  }

  async #fill(piece: Uint8Array, position: number): Promise<Uint8Array> {
    let filled = 0;
    while (filled < piece.length) {
      const count = await namedContent(`reading "${this.record.name}"`, () =>
        this.#files.read(this.#fd, piece, filled, piece.length - filled, position + filled),
      );
      if (count === 0) throw new ContentCorruptError(`"${this.record.name}" has become shorter than its record says`);
      filled += count;
    }
    return piece;
  }
}
