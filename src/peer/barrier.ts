/**
 * Lets others wait for what is under way right now. A root that has made sure that it is the root, and commits, is not
 * overtaken by the question of a peer that has just become the root instead: the answer waits for the commit.
 */

import { within } from '../net/wait.ts';

/** Longer than a commit takes on a slow disk; whoever asks has a shorter deadline of its own. */
const BARRIER_TIMEOUT_MS = 10_000;

export class Barrier {
  readonly #underWay = new Set<Promise<unknown>>();

  async hold<T>(task: () => Promise<T>): Promise<T> {
    const running = task();
    const ended = running.then(
      () => undefined,
      () => undefined,
    );
    this.#underWay.add(ended);
    try {
      return await running;
    } finally {
      this.#underWay.delete(ended);
    }
  }

  /** Resolves when all that is under way at this moment has ended. @throws TimeoutError */
  async passed(): Promise<void> {
    if (this.#underWay.size === 0) return;
    const wait = { timeoutMs: BARRIER_TIMEOUT_MS };
    await within(Promise.all(this.#underWay), wait, 'waiting for the commits under way');
  }
}
