/**
 * Says no before a byte is written, when the directory would hold more than it may, or the disk would fall below the
 * floor. The floor keeps room for the catalog: a full disk must never stop a commit half-way.
 *
 * What has arrived, or is about to, counts; what a writer only announces is checked and not set aside, or any
 * announcement could block the disk. A new version counts beside the old one until it has replaced it. The system is
 * asked a few times a second at most, and again before anything is refused.
 */

import { NoSpaceError } from '../base/errors.ts';
import { storageError } from './file-errors.ts';
import type { FileSystem } from './file-system.ts';

export const FREE_SPACE_FLOOR_BYTES_DEFAULT = 64 * 1024 * 1024;
const ANSWER_GOOD_FOR_MS = 250;

/** Space set aside for one transfer. */
export type Reservation = {
  readonly bytes: number;
  /**
   * Sets more aside: so much if there is that much and it was announced, else what is needed.
   *
   * @throws NoSpaceError when there is less than needed
   */
  extend(neededBytes: number, wantedBytes: number): Promise<void>;
  /** So many of the reserved bytes lie on the disk now. */
  wrote(bytes: number): void;
  /** Gives back what was not written. */
  finish(): void;
  /** Gives all back: committed content is counted elsewhere, other is gone. */
  release(): void;
};

export type SpaceReport = {
  /** Content that is committed, or on its way in. */
  readonly usedBytes: number;
  /** How much that may be; undefined: as much as the disk takes. */
  readonly capacityBytes: number | undefined;
  /** Of the disk. */
  readonly freeBytes: number;
  /** How much of that stays free always. */
  readonly floorBytes: number;
};

type SpaceLimits = {
  readonly floorBytes: number;
  readonly capacityBytes: number | undefined;
  /** Content that the directory holds. */
  readonly heldBytes: () => number;
};

export class FreeSpace {
  readonly #files: FileSystem;
  readonly #path: string;
  readonly #limits: SpaceLimits;
  #freeBytes = 0;
  #askedAt = -Infinity;
  /** Set aside, and not on the disk yet. */
  #unwrittenBytes = 0;
  /** On its way in, on the disk or not. */
  #stagedBytes = 0;

  constructor(files: FileSystem, path: string, limits: SpaceLimits) {
    this.#files = files;
    this.#path = path;
    this.#limits = limits;
  }

  /**
   * Begins a transfer with nothing set aside yet.
   *
   * @param expectedBytes how much it will be in the end, as far as it is known
   * @param presentBytes how much of it lies on the disk already
   * @throws NoSpaceError when there is not that much
   */
  async begin(expectedBytes: number, presentBytes = 0): Promise<Reservation> {
    let reserved = 0;
    let unwritten = 0;
    const change = (reservedBy: number, unwrittenBy: number) => {
      reserved += reservedBy;
      this.#stagedBytes += reservedBy;
      unwritten += unwrittenBy;
      this.#unwrittenBytes += unwrittenBy;
    };
    change(presentBytes, 0);
    try {
      const missing = Math.max(0, expectedBytes - presentBytes);
      await this.#askIfNeeded(missing);
      this.#check(missing);
    } catch (error) {
      change(-presentBytes, 0);
      throw error;
    }
    return {
      get bytes() {
        return reserved;
      },
      extend: async (needed, wanted) => {
        const announced = expectedBytes > reserved ? Math.min(wanted, expectedBytes - reserved) : wanted;
        await this.#askIfNeeded(needed);
        const more = Math.max(needed, this.#fits(announced) ? announced : 0);
        this.#check(more);
        change(more, more);
      },
      wrote: (written) => {
        change(0, -Math.min(written, unwritten));
        this.#freeBytes -= written;
      },
      finish: () => {
        change(-unwritten, -unwritten);
      },
      release: () => {
        change(-reserved, -unwritten);
      },
    };
  }

  /** How much would have to go for `begin` not to refuse, as far as is known. */
  shortBy(expectedBytes: number, presentBytes: number): number {
    return Math.max(expectedBytes - presentBytes - this.#leftOfDisk(), expectedBytes - this.#leftOfCapacity());
  }

  async report(): Promise<SpaceReport> {
    await this.#ask();
    const { floorBytes, capacityBytes } = this.#limits;
    return { usedBytes: this.#usedBytes(), capacityBytes, freeBytes: this.#freeBytes, floorBytes };
  }

  /** @throws NoSpaceError */
  #check(bytes: number): void {
    if (this.#fits(bytes)) return;
    const { floorBytes, capacityBytes } = this.#limits;
    const asked = `${String(bytes)} bytes are asked for where`;
    if (bytes > this.#leftOfCapacity()) {
      throw new NoSpaceError(
        `${asked} ${String(Math.max(0, this.#leftOfCapacity()))} are left of the capacity of ${String(capacityBytes)} ` +
          'bytes that this peer was given; give it more, or remove files',
      );
    }
    throw new NoSpaceError(
      `${asked} ${String(Math.max(0, this.#leftOfDisk()))} are free in ${this.#path} ` +
        `(${String(floorBytes)} stay free always); make room on that disk`,
    );
  }

  #fits(bytes: number): boolean {
    return bytes <= this.#leftOfDisk() && bytes <= this.#leftOfCapacity();
  }

  async #askIfNeeded(bytes: number): Promise<void> {
    const stale = performance.now() - this.#askedAt > ANSWER_GOOD_FOR_MS;
    if (stale || bytes > this.#leftOfDisk()) await this.#ask();
  }

  #leftOfDisk(): number {
    return this.#freeBytes - this.#limits.floorBytes - this.#unwrittenBytes;
  }

  #leftOfCapacity(): number {
    return (this.#limits.capacityBytes ?? Infinity) - this.#usedBytes();
  }

  #usedBytes(): number {
    return this.#limits.heldBytes() + this.#stagedBytes;
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
