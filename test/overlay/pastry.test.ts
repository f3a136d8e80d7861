import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Key, NodeId } from '../../src/id/id-space.ts';
import { PastryGeometry } from '../../src/overlay/pastry.ts';
import { contactOf } from './helpers.ts';

const SIZE = 2 ** 16;
const geometry = new PastryGeometry(16);
/** Ids that crowd around the wrap and in ties as well as anywhere. */
const position = fc.oneof(
  fc.integer({ min: 0, max: SIZE - 1 }),
  fc.integer({ min: -8, max: 8 }).map((n) => (n + SIZE) % SIZE),
);
const ids = fc.uniqueArray(position, { minLength: 1, maxLength: 60 });

/** The order as ROUTING.md words it, written out again by brute force: walk outwards from the key, clockwise first. */
function rankByWalking(key: number, members: readonly number[]): number[] {
  const ranked: number[] = [];
  for (let step = 0; step <= SIZE / 2; step++) {
    for (const at of new Set([(key + step) % SIZE, (key - step + SIZE) % SIZE])) {
      if (members.includes(at)) ranked.push(at);
    }
  }
  return ranked;
}

describe('closeness', () => {
  it('is a total order: antisymmetric, transitive, and equal only for the same id', () => {
    fc.assert(
      fc.property(position, position, position, position, (key, a, b, c) => {
        const compare = (x: number, y: number): number =>
          Math.sign(geometry.compare(key as Key, x as NodeId, y as NodeId));
        expect(compare(a, b)).toBe(0 - compare(b, a));
        expect(compare(a, b) === 0).toBe(a === b);
        if (compare(a, b) < 0 && compare(b, c) < 0) expect(compare(a, c)).toBe(-1);
      }),
    );
  });

  it('ranks as walking outwards from the key does, clockwise first', () => {
    fc.assert(
      fc.property(position, fc.uniqueArray(position, { minLength: 1, maxLength: 12 }), (key, members) => {
        const ranked = members.toSorted((a, b) => geometry.compare(key as Key, a as NodeId, b as NodeId));
        expect(ranked).toEqual(rankByWalking(key, members));
      }),
      { numRuns: 25 },
    );
  });

  it('gives a tie to the clockwise node, across the wrap too', () => {
    const first = (key: number, members: number[]): unknown =>
      geometry.replicaSet(
        key as Key,
        1,
        members.map((id) => contactOf(id)),
      )[0]?.nodeId;
    expect(first(0x0000, [0xffff, 0x0001])).toBe(0x0001);
    expect(first(0xffff, [0xfffe, 0x0000])).toBe(0x0000);
    expect(first(0x8000, [0x7000, 0x9000])).toBe(0x9000);
  });
});

describe('replicaSet', () => {
  it('is the first k of the order, root first, for any members', () => {
    fc.assert(
      fc.property(position, fc.integer({ min: 1, max: 8 }), ids, (key, k, members) => {
        const set = geometry.replicaSet(
          key as Key,
          k,
          members.map((id) => contactOf(id)),
        );
        expect(set.map((contact) => contact.nodeId)).toEqual(rankByWalking(key, members).slice(0, k));
      }),
      { numRuns: 25 },
    );
  });
});

describe('intervals', () => {
  it('give each key to exactly one node, which is the closest', () => {
    fc.assert(
      fc.property(ids, fc.array(position, { minLength: 1, maxLength: 20 }), (members, keys) => {
        const ring = members.toSorted((a, b) => a - b) as NodeId[];
        for (const key of [...keys, ...ring] as Key[]) {
          const owners = ring.filter((id, i) => {
            const alone = ring.length === 1;
            const before = alone ? undefined : ring[(i - 1 + ring.length) % ring.length];
            const after = alone ? undefined : ring[(i + 1) % ring.length];
            return geometry
              .intervals(id, before, after)
              .some(
                ({ from, to }) =>
                  from === to || geometry.space.clockwise(from, key) < geometry.space.clockwise(from, to),
              );
          });
          expect(owners).toEqual([ring.toSorted((a, b) => geometry.compare(key, a, b))[0]]);
        }
      }),
    );
  });
});

describe('newcomerId', () => {
  it('never gives an id twice, and keeps the largest gap below twice the smallest but one', () => {
    const taken: NodeId[] = [];
    for (let i = 0; i < 300; i++) {
      const id = geometry.newcomerId(taken);
      expect(id).toBeDefined();
      expect(taken).not.toContain(id);
      if (id !== undefined) taken.push(id);
    }
    const sorted = taken.toSorted((a, b) => a - b);
    const gaps = sorted.map((id, i) => ((sorted[(i + 1) % sorted.length] ?? 0) - id + SIZE) % SIZE);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * Math.min(...gaps));
  });

  it('says when the ring is full', () => {
    const all = Array.from({ length: SIZE }, (_, id) => id as NodeId);
    expect(geometry.newcomerId(all)).toBeUndefined();
    expect(geometry.newcomerId(all.filter((id) => id !== 0x1234))).toBe(0x1234);
  });
});
