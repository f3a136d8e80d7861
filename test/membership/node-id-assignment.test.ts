import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdSpace, type NodeId } from '../../src/id/id-space.ts';
import { freeNodeId } from '../../src/membership/node-id-assignment.ts';

const space = new IdSpace(16);

function ascending(ids: Iterable<number>): NodeId[] {
  return [...ids].sort((a, b) => a - b).map((id) => space.position(id));
}

function join(count: number, idSpace = space): NodeId[] {
  const given: NodeId[] = [];
  for (let i = 0; i < count; i++) {
    given.push(
      freeNodeId(
        idSpace,
        [...given].sort((a, b) => a - b),
      ),
    );
  }
  return given;
}

function gaps(ids: readonly NodeId[]): number[] {
  const sorted = [...ids].sort((a, b) => a - b);
  return sorted.map((id, i) => (sorted[i + 1] ?? (sorted[0] ?? 0) + space.size) - id);
}

describe('freeNodeId', () => {
  it('begins at 0 and lets newcomers land far apart', () => {
    expect(join(8).map((id) => space.format(id))).toEqual([
      '0000',
      '8000',
      '4000',
      'c000',
      '2000',
      'a000',
      '6000',
      'e000',
    ]);
  });

  it('keeps the largest gap at most twice the smallest while peers only join', () => {
    const ids: NodeId[] = [];
    for (const id of join(700)) {
      ids.push(id);
      const all = gaps(ids);
      expect(Math.max(...all)).toBeLessThanOrEqual(2 * Math.min(...all));
    }
  });

  it('takes the middle of the largest gap, across the end of the ring too', () => {
    expect(freeNodeId(space, ascending([0x1000, 0x5000]))).toBe(0xb000);
    expect(freeNodeId(space, ascending([0x3000, 0x4000, 0x5000]))).toBe(0xc000);
    expect(freeNodeId(space, ascending([0xf000]))).toBe(0x7000);
  });

  it('never gives an id that is taken, whatever ids are', () => {
    const taken = fc.uniqueArray(fc.integer({ min: 0, max: space.size - 1 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(taken, (ids) => {
        const given = freeNodeId(space, ascending(ids));
        expect(space.contains(given)).toBe(true);
        expect(ids).not.toContain(given);
        const largest = Math.max(...gaps(ascending(ids)));
        const after = gaps(ascending([...ids, given]));
        expect(after).toContain(Math.floor(largest / 2));
      }),
    );
  });

  it('finds the last free id, and says so when the ring is full', () => {
    const all = Array.from({ length: space.size }, (_, id) => space.position(id));
    expect(freeNodeId(space, [...all.slice(0, 0x1234), ...all.slice(0x1235)])).toBe(0x1234);
    expect(() => freeNodeId(space, all)).toThrow(/the ring is full: all 65536 node ids are taken/);
  });

  it('works on a ring of 32 bits', () => {
    const wide = new IdSpace(32);
    expect(join(3, wide).map((id) => wide.format(id))).toEqual(['00000000', '80000000', '40000000']);
  });
});
