/**
 * What a client does when a peer on its way goes down: it waits a moment, asks again who is root, and goes on. Only
 * failures that another attempt can mend are tried again, and only while the patience lasts.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { StoreError, UnreachableError, type ErrorCode } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { interruption } from '../net/wait.ts';

/** Long enough for the ring to find out that a peer died and to close the gap. */
const PATIENCE_MS = 20_000;
const FIRST_PAUSE_MS = 50;
const PAUSE_MS_MAX = 1_000;

const PASSING = new Set<ErrorCode>([
  'UNREACHABLE',
  'NOT_READY',
  'NOT_ROOT',
  'TIMEOUT',
  'STREAM_CLOSED',
  'BUSY',
  'NO_HELLO',
]);

/** Means: as things stand, another attempt may succeed. */
export function isPassing(error: unknown): error is StoreError {
  return error instanceof StoreError && PASSING.has(error.code);
}

export type Retry = {
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  /** False once another attempt would do harm or is impossible. */
  readonly mayRepeat?: () => boolean;
  readonly patienceMs?: number;
  /** Other failures that another attempt may mend; in the end they are thrown as they are. */
  readonly alsoPassing?: (error: StoreError) => boolean;
};

/** @throws the failure itself, or UnreachableError with the last failure as its cause when the patience is at its end */
export async function withRetries<T>(what: string, retry: Retry, attempt: () => Promise<T>): Promise<T> {
  const endsAt = performance.now() + (retry.patienceMs ?? PATIENCE_MS);
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
    throwIfAborted(retry.signal);
    try {
      return await attempt();
    } catch (error) {
      throwIfAborted(retry.signal);
      const special = error instanceof StoreError && retry.alsoPassing?.(error) === true;
      if (!special && !isPassing(error)) throw error;
      if (retry.mayRepeat?.() === false || performance.now() + pauseMs > endsAt) {
        throw special ? error : new UnreachableError(`${what}: ${error.message}`, error);
      }
      retry.log.debug('attempt-failed', { what, code: error.code, message: error.message });
    }
    // A wait that is called off is noticed at the top of the loop.
    await delay(pauseMs, undefined, { signal: retry.signal }).catch(() => undefined);
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw interruption(signal);
}
