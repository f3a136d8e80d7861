/**
 * What a peer does for its directory when nobody asks: reads its files again at a declared rate, so that damage is found
 * while there are good copies, and forgets removals when their time is over.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { StoreError } from '../base/errors.ts';
import type { FileContext } from './file-context.ts';
import { TOMBSTONES_KEPT_MS } from './long-absence.ts';
import { setAsideDamaged } from './serve-check.ts';

/** Slow enough not to be noticed, and 1 TB is read in three days. */
const SCRUB_BYTES_PER_SECOND = 4 * 1024 * 1024;
/** From the end of one pass to the begin of the next. */
const SCRUB_PAUSE_MS = 24 * 3_600_000;
const PURGE_EVERY_MS = 3_600_000;

export class Housekeeping {
  readonly #context: FileContext;
  readonly #over = new AbortController();
  readonly #running: Promise<unknown>;

  /** @param bytesPerSecond of the scrub; 0: none */
  constructor(context: FileContext, bytesPerSecond = SCRUB_BYTES_PER_SECOND) {
    this.#context = context;
    const scrub = () => this.#scrub(bytesPerSecond);
    const scrubbing = bytesPerSecond > 0 ? this.#repeat(scrub, SCRUB_PAUSE_MS) : undefined;
    this.#running = Promise.all([scrubbing, this.#repeat(() => this.#purge(), PURGE_EVERY_MS)]);
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  async #repeat(task: () => Promise<void>, pauseMs: number): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        await task();
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.#context.log.warn('housekeeping-failed', { code: error.code, message: error.message });
      }
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #scrub(bytesPerSecond: number): Promise<void> {
    const { storage, log } = this.#context;
    const onDamage = async (name: string): Promise<void> => {
      const record = await storage.record(name);
      if (record !== undefined) await setAsideDamaged(this.#context, record);
    };
    const { files, bytes, damaged } = await storage.scrub({ bytesPerSecond, signal: this.#over.signal, onDamage });
    if (files > 0) log.info('scrubbed', { files, bytes, damaged });
  }

  async #purge(): Promise<void> {
    const { storage, log, absence } = this.#context;
    await absence.noteSeen(Date.now());
    const purged = await storage.purgeTombstones(Date.now() - TOMBSTONES_KEPT_MS);
    if (purged > 0) log.info('removals-forgotten', { purged });
  }
}
