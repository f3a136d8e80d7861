import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdSpace, type NodeId } from '../../src/id/id-space.ts';
import { LeafSet } from '../../src/overlay/leaf-set.ts';
import { Oracle } from '../../src/sim/oracle.ts';
import { liveNode } from './helpers.ts';

const space = new IdSpace(16);
const position = fc.oneof(
  fc.integer({ min: 0, max: space.size - 1 }),
  fc.integer({ min: -20, max: 20 }).map((n) => (n + space.size) % space.size),
);
const rings = fc.uniqueArray(position, { minLength: 1, maxLength: 50 });

function leafSetOf(ids: readonly number[], half: number): LeafSet {
  const [self, ...others] = ids;
  const leafSet = new LeafSet(space, self as NodeId, half);
  for (const id of others) leafSet.insert(liveNode(id));
  return leafSet;
}

describe('LeafSet', () => {
  it('holds exactly the nearest on either side, in whatever order they come', () => {
    fc.assert(
      fc.property(rings, fc.integer({ min: 1, max: 8 }), (ids, half) => {
        const oracle = new Oracle(space);
        for (const id of ids) oracle.add(id as NodeId);
        const leafSet = leafSetOf(ids, half);
        const members = leafSet.members().map((node) => node.nodeId);
        expect(members.toSorted((a, b) => a - b)).toEqual(oracle.leafSet(ids[0] as NodeId, half));
        for (const node of leafSet.members()) expect(node.inLeafSet).toBe(true);
      }),
    );
  });

  it('is complete when full on both sides or when it holds the whole ring', () => {
    fc.assert(
      fc.property(rings, fc.integer({ min: 1, max: 8 }), (ids, half) => {
        expect(leafSetOf(ids, half).isComplete()).toBe(true);
      }),
    );
  });

  it('takes a short half of a large ring for a gap, not for a small ring', () => {
    const leafSet = leafSetOf([0, 100, 200, 300, 60_000, 61_000, 62_000], 3);
    const lost = leafSet.clockwise[1];
    expect(lost?.nodeId).toBe(200);
    if (lost !== undefined) leafSet.remove(lost);
    expect(leafSet.overlaps()).toBe(false);
    expect(leafSet.isComplete()).toBe(false);
    expect(leafSet.reaches(0 as NodeId, 10)).toBe(false);
  });

  it('covers what lies between its outermost leaves, through the wrap', () => {
    const leafSet = leafSetOf([0xfff0, 0xfff8, 0x0008, 0xff00, 0xffe0], 2);
    const covered = (id: number): boolean => leafSet.covers(id as NodeId);
    expect([0xff00, 0xffff, 0x0000, 0x0008].every(covered)).toBe(true);
    expect([0x0009, 0x8000, 0xfeff].some(covered)).toBe(false);
  });

  it('says of a node whether it would enter as insertion then shows', () => {
    fc.assert(
      fc.property(rings, position, fc.integer({ min: 1, max: 8 }), (ids, id, half) => {
        fc.pre(!ids.includes(id));
        const leafSet = leafSetOf(ids, half);
        const would = leafSet.wouldEnter(id as NodeId, []);
        expect(leafSet.insert(liveNode(id)) !== undefined).toBe(would);
      }),
    );
  });

  it('reaches only as far as nobody unknown can be nearer', () => {
    fc.assert(
      fc.property(rings, position, fc.integer({ min: 0, max: 20_000 }), (ids, key, distance) => {
        const half = 3;
        const leafSet = leafSetOf(ids, half);
        if (!leafSet.reaches(key as NodeId, distance)) return;
        const known = new Set([ids[0], ...leafSet.members().map((node) => node.nodeId as number)]);
        const unknown = ids.filter((id) => !known.has(id));
        for (const id of unknown) expect(space.distance(id as NodeId, key as NodeId)).toBeGreaterThan(distance);
      }),
    );
  });
});
