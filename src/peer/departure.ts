/**
 * Leaving for good: first every copy is handed over, with this peer still a holder and a root; then it says goodbye to
 * the discovery peer and to the ring, and forgets the files that others hold now. Called off before the goodbye, it
 * stays as it is.
 */

import { StoreError, TooFewReplicasError } from '../base/errors.ts';
import type { DiscoveryClient } from '../discovery/discovery-client.ts';
import type { FileContext } from './file-context.ts';
import type { OverlayDriver } from './overlay-driver.ts';

const DISCOVERY_TIMEOUT_MS = 5_000;
/** For what came in at the last moment. */
const LAST_HAND_OVER_MS_MAX = 30_000;

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
    const { storage, ring, repair, placement, log } = context;
    const { files, tombstones } = storage.totals;
    if (ring.leafSet().length === 0 && files > 0) {
      throw new TooFewReplicasError(
        'no other peer is there to take the files; start one first, or stop this peer instead',
      );
    }
    log.info('leaving', { files, tombstones });
    const everything = () => storage.totals.files + storage.totals.tombstones;
    await repair.handOverAll(false, ({ safe }) => onProgress(safe, everything()), signal);
    await discovery?.leave({ timeoutMs: DISCOVERY_TIMEOUT_MS }).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      log.warn('discovery-not-told', { message: `${error.message} It will find out by itself.` });
    });
    placement.freeze();
    await driver.stop(true);
    await this.#forget();
    log.info('left');
    this.#left.resolve(undefined);
  }

  /** What came in while the rest was handed over goes the same way; what nobody confirms in time stays on the disk. */
  async #forget(): Promise<void> {
    const { repair, commits, log, storage } = this.#parts.context;
    try {
      await commits.passed();
      await repair.handOverAll(true, () => undefined, AbortSignal.timeout(LAST_HAND_OVER_MS_MAX));
    } catch (error) {
      if (!(error instanceof StoreError) && !isTimeout(error)) throw error;
      log.error('not-handed-over', { files: storage.totals.files });
    }
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
}
