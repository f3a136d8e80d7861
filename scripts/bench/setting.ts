/** What the measurements share: the network, the directory, how large and how often; and the shape of their results. */

import type { Network } from '../../test/e2e/harness/network.ts';
import type { Scratch } from '../lib/scratch.ts';

export type Sizes = {
  /** Of the large file. */
  readonly bytes: number;
  /** Measurements of each transfer, one after the other in turns. */
  readonly rounds: number;
  /** Starts of a command. */
  readonly starts: number;
  readonly lookups: number;
  readonly smallFiles: number;
  /** Of the file that is stored in several copies. */
  readonly copiedBytes: number;
  /** Of that: each one is four times its bytes on the disk. */
  readonly copiedRounds: number;
  /** In the directory of one peer. */
  readonly heldFiles: number;
  /** Time of each measurement of the overlay. */
  readonly overlayMs: number;
};

export const FULL: Sizes = {
  bytes: 1024 ** 3,
  rounds: 5,
  starts: 25,
  lookups: 10_000,
  smallFiles: 2_000,
  copiedBytes: 1024 ** 3,
  copiedRounds: 3,
  heldFiles: 100_000,
  overlayMs: 3_000,
};
/** To see that everything works; the figures mean little. */
export const QUICK: Sizes = {
  bytes: 128 * 1024 ** 2,
  rounds: 2,
  starts: 5,
  lookups: 2_000,
  smallFiles: 200,
  copiedBytes: 256 * 1024 ** 2,
  copiedRounds: 1,
  heldFiles: 10_000,
  overlayMs: 1_000,
};

export type Setting = { readonly scratch: Scratch; readonly network: Network; readonly sizes: Sizes };

export type Row = {
  readonly what: string;
  readonly figure: number;
  readonly unit: 'MB/s' | 'MB' | 'KB' | 'ms' | 's' | '1/s' | 'hops';
  /** What it is compared with, in the same unit. */
  readonly yardstick?: { readonly name: string; readonly figure: number };
  readonly ratio?: number;
  /** Of the ratio where there is one, else of the figure; undefined for what is only told. */
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
  readonly samples: readonly number[];
};

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) throw new Error('a median of nothing');
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** Compared round by round, since whatever else the machine does changes from round to round. */
export function medianRatio(values: readonly number[], yardstick: readonly number[]): number {
  return median(values.map((value, i) => value / (yardstick[i] ?? NaN)));
}

export function reached({ figure, ratio, target }: Row): boolean | undefined {
  if (target === undefined) return undefined;
  const value = ratio ?? figure;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}
