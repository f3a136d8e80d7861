/**
 * What `p2p-peer start` and `p2p-discovery start` have in common: start, say so, serve until a signal asks to stop,
 * stop cleanly, and end with status 0. A service that ends by itself has failed.
 */

import { onInterrupt } from './interrupt.ts';
import { STATUS_DONE, STATUS_FAILED } from './exit-status.ts';
import type { Output } from './output.ts';

export type Service = {
  /** Ends it in order; resolves when everything is closed. */
  stop(): Promise<void>;
  /** Settles when it has ended, whoever asked for that. */
  readonly closed: Promise<void>;
};

/** A stop that takes longer is cut short: what was acknowledged is on disk already. */
const STOP_MS_MAX = 10_000;

/** @param start gets a signal that a stop during the start aborts; prints that it is ready */
export async function serve(output: Output, start: (signal: AbortSignal) => Promise<Service>): Promise<number> {
  const signal = onInterrupt(STOP_MS_MAX, STATUS_DONE);
  try {
    const service = await start(signal);
    const asked = new Promise<'asked'>((resolve) => {
      if (signal.aborted) resolve('asked');
      signal.addEventListener('abort', () => {
        resolve('asked');
      });
    });
    const reason = await Promise.race([asked, service.closed]);
    if (reason !== 'asked') return STATUS_FAILED;
    await service.stop();
    return STATUS_DONE;
  } catch (error) {
    if (signal.aborted) return STATUS_DONE;
    return output.failure(error);
  }
}
