/**
 * How many operations of a kind are under way at once, whoever asked for them: each holds buffers and a descriptor,
 * so this is what bounds a peer's memory however many streams others open. More of them wait their turn.
 */

import { BusyError } from '../base/errors.ts';
import { Pending } from '../net/wait.ts';

export class Slots {
  readonly #what: string;
  readonly #waiting: Pending[] = [];
  readonly #waitMs: number;
  readonly #count: number;
  #free: number;

  /** @param waitMs how long one waits for its turn before it is refused */
  constructor(what: string, count: number, waitMs: number) {
    this.#what = what;
    this.#count = count;
    this.#free = count;
    this.#waitMs = waitMs;
  }

  /** Something is under way. */
  get busy(): boolean {
    return this.#free < this.#count;
  }

  /** @throws BusyError when no place is free in time */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#turn();
    try {
      return await task();
    } finally {
      this.#pass();
    }
  }

  async #turn(): Promise<void> {
    const pending = new Pending({ timeoutMs: this.#waitMs }, this.#what);
    this.#waiting.push(pending);
    try {
      await pending.promise;
    } catch (error) {
      const index = this.#waiting.indexOf(pending);
      if (index >= 0) this.#waiting.splice(index, 1);
      throw new BusyError(`too many ${this.#what} at once; try again in a moment`, error);
    }
  }

  /** Hands the place to the first that still waits, or keeps it free. */
  #pass(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (next.settled) continue;
      next.resolve();
      return;
    }
    this.#free++;
  }
}
