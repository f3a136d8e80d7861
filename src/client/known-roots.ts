/**
 * Roots that earlier lookups found, with the keys that they answer for: of many files stored at one go only the first
 * few need a lookup. A root that has been succeeded says so itself, and one that is gone is forgotten when it does
 * not answer, so what is remembered here can be out of date without harm; it is not kept for long all the same.
 */

import type { IdSpace, Key } from '../id/id-space.ts';
import { intervalContains } from '../id/interval.ts';
import type { Located } from '../wire/lookup.ts';

const KEPT_MS = 10_000;
const ROOTS_MAX = 1_024;

export class KnownRoots {
  readonly #space: IdSpace;
  readonly #byPeerId = new Map<string, { readonly located: Located; readonly until: number }>();

  constructor(space: IdSpace) {
    this.#space = space;
  }

  /** The lookup that found the root of this key, if there was one lately. */
  find(key: Key): Located | undefined {
    const now = performance.now();
    for (const [peerId, { located, until }] of this.#byPeerId) {
      if (until < now) this.#byPeerId.delete(peerId);
      else if (located.intervals.some((interval) => intervalContains(this.#space, interval, key))) return located;
    }
    return undefined;
  }

  remember(located: Located): void {
    if (this.#byPeerId.size >= ROOTS_MAX) this.#byPeerId.clear();
    this.#byPeerId.set(located.root.peerId, { located, until: performance.now() + KEPT_MS });
  }

  forget(peerId: string): void {
    this.#byPeerId.delete(peerId);
  }
}
