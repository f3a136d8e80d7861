/**
 * What `p2p-peer start` and `p2p-discovery start` have in common: start, say so, serve until a signal asks to stop
 * or they come to their end, stop cleanly, and end with status 0.
 */

import { once } from 'node:events';
import { InvariantError } from '../base/assert.ts';
import { codeOf, StoreError } from '../base/errors.ts';
import { makeDirectory } from '../client/make-directory.ts';
import { onInterrupt } from './interrupt.ts';
import { STATUS_DONE } from './exit-status.ts';
import type { Output } from './output.ts';

const DIRECTORY_MODE = 0o700;

export type Service = {
  /** Settles when it has come to its end without being told; where it is missing, that never happens. */
  readonly over?: Promise<void>;
  /** Ends it in order, and resolves when everything is closed. */
  stop(): Promise<void>;
};

/**
 * Sees to it that a service's directory can be made, where the platform's own way of making it would try for ever. What
 * else is wrong with it, its owner finds in its own words.
 *
 * @throws StoreError
 */
export async function checkDirectory(path: string): Promise<void> {
  try {
    await makeDirectory(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    if (error instanceof StoreError) throw error;
  }
}

/** A stop that takes longer is cut short: what was acknowledged is on disk already. */
const STOP_MS_MAX = 10_000;

/** @param start gets a signal that a stop during the start aborts; prints that it is ready */
export async function serve(output: Output, start: (signal: AbortSignal) => Promise<Service>): Promise<number> {
  const signal = onInterrupt(STOP_MS_MAX, STATUS_DONE);
  try {
    const service = await start(signal);
    if (!signal.aborted)
      await Promise.race([once(signal, 'abort'), ...(service.over === undefined ? [] : [service.over])]);
    await service.stop();
    return STATUS_DONE;
  } catch (error) {
    if (error instanceof InvariantError) throw error;
    if (signal.aborted && codeOf(error) === 'INTERRUPTED') return STATUS_DONE;
    return output.failure(error);
  }
}
