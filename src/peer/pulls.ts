/**
 * Versions that this peer should have and has not, and the fetching of them from those who hold them. Every replica
 * makes itself complete in this way; nobody is sent anything unasked. A few are fetched side by side, and fewer
 * while users are served. Until it is here, a reader is sent to a holder: the list is also what this peer knows to
 * be newer elsewhere, a copy for which it has no room included.
 */

import { NotFoundError, StoreError } from '../base/errors.ts';
import { equalBytes } from '../base/bytes.ts';
import type { Contact } from '../id/contact.ts';
import { compareVersions } from '../id/version.ts';
import type { Holding } from '../wire/holding.ts';
import type { Entry } from '../wire/replica.ts';

const PULLS_AT_ONCE = 6;
const PULLS_AT_ONCE_BUSY = 2;
/** Names kept in mind; whoever finds more comes back later. */
const WANTED_MAX = 50_000;
const RETRY_AFTER_MS = 1_000;
const RETRY_AFTER_MS_MAX = 30_000;
const ATTEMPTS_MAX = 6;

export type Found = { readonly holder: Contact; readonly holding: Holding };

type Wanted = {
  readonly name: string;
  holding: Holding;
  /** Those who hold this version. */
  holders: Contact[];
  attempts: number;
};

export type PullsParts = {
  /** Fetches and commits one. @throws StoreError */
  readonly pull: (from: Contact, name: string, holding: Holding) => Promise<void>;
  readonly isBusy: () => boolean;
  readonly onFailure: (name: string, from: Contact, error: StoreError) => void;
};

export class Pulls {
  readonly #parts: PullsParts;
  readonly #wanted = new Map<string, Wanted>();
  /** Names that may be fetched now, first come first served. */
  readonly #ready = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #running = new Map<string, Promise<void>>();
  #over = false;

  constructor(parts: PullsParts) {
    this.#parts = parts;
  }

  get underWay(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#wanted.size - this.#running.size;
  }

  get full(): boolean {
    return this.#wanted.size >= WANTED_MAX;
  }

  /** @param mine what is here; nothing happens when that is as new */
  add(holder: Contact, { name, holding }: Entry, mine: Holding | undefined): void {
    if (this.#over || !mayReplace(mine, holding)) return;
    const known = this.#wanted.get(name);
    if (known === undefined || compareVersions(holding.version, known.holding.version) > 0) {
      if (known === undefined && this.full) return;
      this.#wanted.set(name, { name, holding, holders: [holder], attempts: 0 });
      this.#makeReady(name);
    } else if (
      compareVersions(holding.version, known.holding.version) === 0 &&
      !known.holders.some(({ peerId }) => peerId === holder.peerId)
    ) {
      known.holders.push(holder);
    }
    this.#work();
  }

  /** Who holds something of that name that is to come here. */
  find(name: string): Found | undefined {
    const wanted = this.#wanted.get(name);
    const holder = wanted?.holders[0];
    return wanted === undefined || holder === undefined ? undefined : { holder, holding: wanted.holding };
  }

  /** Nothing new is begun; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#over = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#ready.clear();
    await Promise.allSettled(this.#running.values());
  }

  #makeReady(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    this.#ready.add(name);
  }

  #work(): void {
    const limit = this.#parts.isBusy() ? PULLS_AT_ONCE_BUSY : PULLS_AT_ONCE;
    for (const name of this.#ready) {
      if (this.#running.size >= limit) return;
      if (this.#running.has(name)) continue;
      this.#ready.delete(name);
      const wanted = this.#wanted.get(name);
      if (wanted === undefined) continue;
      const running = this.#run(wanted).finally(() => {
        this.#running.delete(name);
        this.#work();
      });
      this.#running.set(name, running);
    }
  }

  async #run(wanted: Wanted): Promise<void> {
    const { name, holding, holders } = wanted;
    const [holder] = holders;
    try {
      if (holder === undefined) throw new NotFoundError('nobody is known any more who holds it');
      await this.#parts.pull(holder, name, holding);
      this.#forget(wanted);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (holder !== undefined) this.#parts.onFailure(name, holder, error);
      this.#again(wanted, error);
    }
  }

  /** Another version may have come to be wanted meanwhile. */
  #forget(wanted: Wanted): void {
    if (this.#wanted.get(wanted.name) === wanted) this.#wanted.delete(wanted.name);
  }

  #again(wanted: Wanted, error: StoreError): void {
    const { name, holders } = wanted;
    if (error.code === 'VERSION_CONFLICT' || this.#over) {
      this.#forget(wanted);
      return;
    }
    wanted.attempts++;
    // The next holder's turn; one that has not got it any more is not asked again.
    const first = holders.shift();
    if (first !== undefined && error.code !== 'NOT_FOUND') holders.push(first);
    // For what there is no room for, it stays known where it lies.
    if (holders.length === 0 || (wanted.attempts >= ATTEMPTS_MAX && error.code !== 'NO_SPACE')) {
      this.#forget(wanted);
      return;
    }
    const delayMs = Math.min(RETRY_AFTER_MS * 2 ** (wanted.attempts - 1), RETRY_AFTER_MS_MAX);
    const timer = setTimeout(() => {
      if (this.#wanted.get(name) !== wanted) return;
      this.#makeReady(name);
      this.#work();
    }, delayMs);
    this.#timers.set(name, timer.unref());
  }
}

/** Whether what somebody else holds can take the place of this: surely not when it is the same owner's older one. */
export function mayReplace(mine: Holding | undefined, theirs: Holding): boolean {
  if (mine === undefined) return true;
  const order = compareVersions(theirs.version, mine.version);
  return order > 0 || (order < 0 && !equalBytes(mine.owner, theirs.owner));
}
