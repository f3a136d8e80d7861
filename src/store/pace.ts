/**
 * Keeps work at a declared rate: what was spent must have had its time before more is begun. Never catches up for time
 * in which nothing was done. Clock and waiting are handed in.
 */

import { setTimeout } from 'node:timers/promises';

export type Timing = {
  /** Milliseconds, from any point on, never going back. */
  now(): number;
  /** Resolves after so long, or as soon as the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
};

export const realTiming: Timing = {
  now: () => performance.now(),
  // Only the abortion can make it fail.
  wait: (ms, signal) => setTimeout(ms, undefined, { signal, ref: false }).catch(() => undefined),
};

/** Shorter waits gather until they are worth a timer. */
const WAIT_AT_LEAST_MS = 50;

export class Pace {
  readonly #bytesPerSecond: number;
  readonly #timing: Timing;
  readonly #signal: AbortSignal;
  #dueMs = 0;

  constructor(bytesPerSecond: number, timing: Timing, signal: AbortSignal) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#timing = timing;
    this.#signal = signal;
  }

  /** Resolves when the time of these bytes has passed, but for some milliseconds; at once when it is all broken off. */
  async spend(bytes: number): Promise<void> {
    const nowMs = this.#timing.now();
    this.#dueMs = Math.max(this.#dueMs, nowMs) + (bytes * 1000) / this.#bytesPerSecond;
    const waitMs = this.#dueMs - nowMs;
    if (waitMs >= WAIT_AT_LEAST_MS) await this.#timing.wait(waitMs, this.#signal);
  }
}
