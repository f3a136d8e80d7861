/**
 * Says no before a byte is written, when the disk would fall below the floor. The floor keeps room for the catalog:
 * a full disk must never stop a commit half-way. Space that arrived bytes are about to take counts as taken; what a
 * writer only announces is checked, and not set aside, or any announcement could block the disk. The system is asked a few times a second at most, and again before anything is refused.
 */

import { NoSpaceError } from '../base/errors.ts';
import { storageError } from './file-errors.ts';
import type { FileSystem } from './file-system.ts';

export const FREE_SPACE_FLOOR_BYTES_DEFAULT = 64 * 1024 * 1024;
const ANSWER_GOOD_FOR_MS = 250;

/** Space set aside for one transfer. */
export type Reservation = {
  readonly bytes: number;
  /** @throws NoSpaceError when there is not that much more */
  extend(bytes: number): Promise<void>;
  /** So many of the reserved bytes lie on the disk now. */
  wrote(bytes: number): void;
  /** Gives back what was not written. */
  release(): void;
};

export class FreeSpace {
  readonly #files: FileSystem;
  readonly #path: string;
  readonly #floorBytes: number;
  #freeBytes = 0;
  #askedAt = -Infinity;
  #reservedBytes = 0;

  constructor(files: FileSystem, path: string, floorBytes: number) {
    this.#files = files;
    this.#path = path;
    this.#floorBytes = floorBytes;
  }

  /**
   * Begins a transfer with nothing set aside yet.
   *
   * @param expectedBytes how much is to come, as far as it is known
   * @throws NoSpaceError when that much is not free
   */
  async begin(expectedBytes: number): Promise<Reservation> {
    let reserved = 0;
    let unwritten = 0;
    const reservation = {
      get bytes() {
        return reserved;
      },
      extend: async (more: number) => {
        await this.#take(more);
        reserved += more;
        unwritten += more;
      },
      wrote: (written: number) => {
        const settled = Math.min(written, unwritten);
        unwritten -= settled;
        this.#reservedBytes -= settled;
        this.#freeBytes -= written;
      },
      release: () => {
        this.#reservedBytes -= unwritten;
        unwritten = 0;
      },
    };
    await this.#take(expectedBytes);
    this.#reservedBytes -= expectedBytes;
    return reservation;
  }

  async #take(bytes: number): Promise<void> {
    const stale = performance.now() - this.#askedAt > ANSWER_GOOD_FOR_MS;
    if (stale || !this.#fits(bytes)) await this.#ask();
    if (!this.#fits(bytes)) {
      throw new NoSpaceError(
        `${String(bytes)} bytes are asked for where ${String(Math.max(0, this.#available()))} are free in ${this.#path} ` +
          `(${String(this.#floorBytes)} stay free always); make room on that disk`,
      );
    }
    this.#reservedBytes += bytes;
  }

  #fits(bytes: number): boolean {
    return this.#available() >= bytes;
  }

  #available(): number {
    return this.#freeBytes - this.#floorBytes - this.#reservedBytes;
  }

  async #ask(): Promise<void> {
    try {
      this.#freeBytes = await this.#files.freeBytes(this.#path);
      this.#askedAt = performance.now();
    } catch (error) {
      throw storageError(`asking for the free space of ${this.#path}`, error);
    }
  }
}
