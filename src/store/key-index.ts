/**
 * What this directory holds, by place on the ring, in memory: for each number of replicas that occurs, each slot's
 * number of records and the exclusive or of a hash of each. Two peers that hold the same of a stretch get the same
 * figures for it, however large it is, without reading anything; where they differ they halve the stretch.
 *
 * Exclusive or forgets the order and can take a record out again. Whoever makes many records can have some cancel out
 * each other; only their own files' repair would suffer, so 64 bits against chance are enough.
 *
 * 768 KiB per number of replicas; there are 64 of them at most.
 */

import { hash } from 'node:crypto';
import { SLOT_COUNT, type SlotRange } from '../id/key.ts';
import type { SlotEntry } from './slot-entry.ts';

export type RangeSummary = {
  /** Records, tombstones included. */
  readonly count: number;
  /** 8 bytes; all zero for none. */
  readonly digest: Uint8Array;
};

export type Totals = {
  readonly files: number;
  readonly tombstones: number;
  /** Of content. */
  readonly bytes: number;
};

type Sums = {
  count: number;
  readonly counts: Uint32Array;
  readonly high: Uint32Array;
  readonly low: Uint32Array;
};

const DIGEST_BYTES = 8;

export class KeyIndex {
  readonly #byReplicas = new Map<number, Sums>();
  #files = 0;
  #tombstones = 0;
  #bytes = 0;

  add(entry: SlotEntry): void {
    this.#count(entry, 1);
  }

  remove(entry: SlotEntry): void {
    this.#count(entry, -1);
  }

  #count(entry: SlotEntry, by: 1 | -1): void {
    const { slot, state, name, size } = entry;
    const sums = this.#sumsOf(entry.replicas);
    const digest = hash('sha256', Buffer.concat([state, name]), 'buffer');
    sums.count += by;
    sums.counts[slot] = (sums.counts[slot] ?? 0) + by;
    sums.high[slot] = (sums.high[slot] ?? 0) ^ digest.readUInt32BE(0);
    sums.low[slot] = (sums.low[slot] ?? 0) ^ digest.readUInt32BE(4);
    if (state.at(-1) === 1) this.#tombstones += by;
    else this.#files += by;
    this.#bytes += by * size;
  }

  #sumsOf(replicas: number): Sums {
    let sums = this.#byReplicas.get(replicas);
    if (sums === undefined) {
      const slots = () => new Uint32Array(SLOT_COUNT);
      sums = { count: 0, counts: slots(), high: slots(), low: slots() };
      this.#byReplicas.set(replicas, sums);
    }
    return sums;
  }

  clear(): void {
    this.#byReplicas.clear();
    this.#files = this.#tombstones = this.#bytes = 0;
  }

  get totals(): Totals {
    return { files: this.#files, tombstones: this.#tombstones, bytes: this.#bytes };
  }

  /** The numbers of replicas of which there are records, ascending. */
  replicaCounts(): number[] {
    const present = [...this.#byReplicas].filter(([, { count }]) => count > 0);
    return present.map(([replicas]) => replicas).sort((a, b) => a - b);
  }

  summarize(replicas: number, ranges: readonly SlotRange[]): RangeSummary[] {
    const sums = this.#byReplicas.get(replicas);
    return ranges.map((range) => summaryOf(sums, range));
  }
}

function summaryOf(sums: Sums | undefined, range: SlotRange): RangeSummary {
  const digest = Buffer.alloc(DIGEST_BYTES);
  let [count, high, low] = [0, 0, 0];
  if (sums !== undefined) {
    for (const { from, to } of straight(range)) {
      for (let slot = from; slot < to; slot++) {
        count += sums.counts[slot] ?? 0;
        high ^= sums.high[slot] ?? 0;
        low ^= sums.low[slot] ?? 0;
      }
    }
  }
  digest.writeInt32BE(high, 0);
  digest.writeInt32BE(low, 4);
  return { count, digest: new Uint8Array(digest) };
}

/** A range as stretches that do not go over the end of the ring, in its order. */
export function straight({ from, to }: SlotRange): SlotRange[] {
  if (from < to) return [{ from, to }];
  const upward = { from, to: SLOT_COUNT };
  return to === 0 ? [upward] : [upward, { from: 0, to }];
}
