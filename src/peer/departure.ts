/**
 * Leaving for good: first every copy is handed over, with this peer still a holder and a root; then it says goodbye to
 * the discovery peer and to the ring, and forgets the files that others hold now. Called off before the goodbye, it
 * stays as it is.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { StoreError, TooFewReplicasError } from '../base/errors.ts';
import type { DiscoveryClient } from '../discovery/discovery-client.ts';
import type { FileContext } from './file-context.ts';
import type { OverlayDriver } from './overlay-driver.ts';

const PAGE = 256;
const DISCOVERY_TIMEOUT_MS = 5_000;
/** Requests that were on their way when the goodbye was said are still answered. */
const LINGER_MS = 200;

type DepartureParts = {
  readonly context: FileContext;
  readonly driver: OverlayDriver;
  readonly discovery: DiscoveryClient | undefined;
};

export class Departure {
  readonly #parts: DepartureParts;
  readonly #left = Promise.withResolvers<undefined>();

  constructor(parts: DepartureParts) {
    this.#parts = parts;
  }

  /** Settles when this peer has left. */
  get over(): Promise<void> {
    return this.#left.promise;
  }

  /** @throws TooFewReplicasError when there is nobody to take the files; the signal's reason when it is called off */
  async leave(onProgress: (done: number, total: number) => void, signal: AbortSignal): Promise<void> {
    const { context, driver, discovery } = this.#parts;
    const { storage, ring, repair, log } = context;
    const { files, tombstones } = storage.totals;
    if (ring.leafSet().length === 0 && files > 0) {
      throw new TooFewReplicasError(
        'no other peer is there to take the files; start one first, or stop this peer instead',
      );
    }
    log.info('leaving', { files, tombstones });
    await repair.handOverAll(({ safe }) => onProgress(safe, storage.totals.files + storage.totals.tombstones), signal);
    await discovery?.leave({ timeoutMs: DISCOVERY_TIMEOUT_MS }).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      log.warn('discovery-not-told', { message: `${error.message} It will find out by itself.` });
    });
    await driver.stop(true);
    await delay(LINGER_MS);
    await this.#forgetAll();
    log.info('left');
    this.#left.resolve(undefined);
  }

  async #forgetAll(): Promise<void> {
    const { storage } = this.#parts.context;
    for (const replicas of storage.replicaCounts()) {
      for (let more = true; more;) {
        const page = await storage.heldIn(replicas, { from: 0, to: 0 }, { limit: PAGE });
        await Promise.all(page.held.map(({ name, version }) => storage.drop(name, version)));
        more = page.more;
      }
    }
  }
}
