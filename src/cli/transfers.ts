/**
 * What storing and fetching many files have in common: files side by side within bounds, one result per file, and
 * the status of the first that failed, in the order in which they were asked for, while the others go on.
 */

import { InvariantError } from '../base/assert.ts';
import { forEachBounded, type Bounds } from './bounded.ts';
import { STATUS_DONE } from './exit-status.ts';
import type { Output } from './output.ts';

/** Bytes that one transfer holds in memory at the most, about: a few chunks and what the stream buffers. */
const TRANSFER_BYTES_MAX = 4 * 1024 * 1024;

export const TRANSFER_BOUNDS: Bounds = { itemsMax: 64, weightMax: 32 * 1024 * 1024 };

/** What a transfer of so many bytes weighs. */
export function transferWeight(size: number | undefined): number {
  return Math.min(size ?? TRANSFER_BYTES_MAX, TRANSFER_BYTES_MAX);
}

/** @returns the exit status */
export async function transferAll<T extends { readonly name: string; readonly line?: number }>(
  items: AsyncIterable<T> | Iterable<T>,
  options: { output: Output; signal: AbortSignal; bounds: Bounds; weigh: (item: T) => number },
  transfer: (item: T) => Promise<void>,
): Promise<number> {
  let first = { index: Number.POSITIVE_INFINITY, status: STATUS_DONE };
  await forEachBounded(items, options.bounds, options.weigh, async (item, index) => {
    options.signal.throwIfAborted();
    try {
      await transfer(item);
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      // Without a network, or after Ctrl-C, there is one thing to say and not one per file.
      if (options.signal.aborted || error instanceof ConnectFailure) throw error;
      const status = options.output.failure(error, item.name, item.line);
      if (index < first.index) first = { index, status };
    }
  });
  return first.status;
}

/** No connection could be had, so that no file can be moved. */
export class ConnectFailure extends Error {
  override readonly name = 'ConnectFailure';
}

/** Reports what ended everything, and returns its exit status. A broken invariant is not for reporting. */
export function reportEnd(error: unknown, signal: AbortSignal, output: Output): number {
  if (error instanceof InvariantError) throw error;
  if (signal.aborted) return output.failure(signal.reason);
  return output.failure(error instanceof ConnectFailure ? error.cause : error);
}
