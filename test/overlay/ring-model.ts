/**
 * The ring as a child would draw it, for comparison with the code: positions unrolled to three turns of a line, hex
 * digits compared as text, lists sorted anew each time. Nothing here is shared with src/, and nothing is fast.
 */

import fc from 'fast-check';
import type { IdBits, NodeId } from '../../src/id/id-space.ts';

export class RingModel {
  readonly size: number;
  private readonly digits: number;

  constructor(bits: IdBits) {
    this.size = 2 ** bits;
    this.digits = bits / 4;
  }

  /** Where an id lies as seen from a key, the nearest of its three places on the line; of two, the one ahead. */
  private offset(key: number, id: number): number {
    const places = [id - this.size, id, id + this.size].map((place) => place - key);
    const nearest = Math.min(...places.map(Math.abs));
    return Math.max(...places.filter((place) => Math.abs(place) === nearest));
  }

  /** Nearest first, ties clockwise. */
  ranked(key: number, ids: readonly number[]): NodeId[] {
    const rank = (id: number): number => {
      const offset = this.offset(key, id);
      return offset >= 0 ? 2 * offset : 1 - 2 * offset;
    };
    return ids.toSorted((a, b) => rank(a) - rank(b)) as NodeId[];
  }

  root(key: number, ids: readonly number[]): NodeId {
    return this.ranked(key, ids)[0] as NodeId;
  }

  distance(a: number, b: number): number {
    return Math.abs(this.offset(a, b));
  }

  shared(a: number, b: number): number {
    const [x, y] = [a, b].map((id) => id.toString(16).padStart(this.digits, '0'));
    let count = 0;
    while (count < this.digits && x?.[count] === y?.[count]) count += 1;
    return count;
  }

  /** Others in the order in which one meets them going clockwise (or, with −1, counterclockwise) from an id. */
  around(self: number, ids: readonly number[], direction: 1 | -1 = 1): NodeId[] {
    const steps = (id: number): number => (direction * (id - self) + 2 * this.size) % this.size;
    return ids.filter((id) => id !== self).toSorted((a, b) => steps(a) - steps(b)) as NodeId[];
  }

  /** Ids that a leaf set should hold, ascending. */
  leafSet(self: number, ids: readonly number[], half: number): NodeId[] {
    const sides = [this.around(self, ids).slice(0, half), this.around(self, ids, -1).slice(0, half)];
    return [...new Set(sides.flat())].sort((a, b) => a - b);
  }

  /** A position anywhere, at the wrap, at a round number, or in the middle of the ring. */
  get position(): fc.Arbitrary<NodeId> {
    const { size } = this;
    const near = (middle: number, reach: number): fc.Arbitrary<number> =>
      fc.integer({ min: -reach, max: reach }).map((n) => (middle + n + size) % size);
    const anywhere = fc.integer({ min: 0, max: size - 1 });
    const round = fc.integer({ min: 0, max: 15 }).map((digit) => (digit * size) / 16);
    return fc.oneof(anywhere, near(0, 20), near(size / 2, 4), round) as fc.Arbitrary<NodeId>;
  }

  /** Distinct ids, some of them in tight rows. */
  ids(maxLength: number, minLength = 1): fc.Arbitrary<NodeId[]> {
    const rows = fc.tuple(this.position, fc.integer({ min: 1, max: 6 })).map(([start, count]) => {
      return Array.from({ length: count }, (_, i) => ((start + i) % this.size) as NodeId);
    });
    return fc
      .array(fc.oneof({ weight: 3, arbitrary: this.position.map((id) => [id]) }, { weight: 1, arbitrary: rows }), {
        minLength,
        maxLength,
      })
      .map((chunks) => [...new Set(chunks.flat())].slice(0, maxLength))
      .filter((ids) => ids.length >= minLength);
  }
}

export const WIDTHS: readonly IdBits[] = [16, 32];
