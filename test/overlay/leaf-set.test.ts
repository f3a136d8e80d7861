import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdSpace, type NodeId } from '../../src/id/id-space.ts';
import type { KnownNode } from '../../src/overlay/known-node.ts';
import { LeafSet } from '../../src/overlay/leaf-set.ts';
import { liveNode } from './helpers.ts';
import { RingModel, WIDTHS } from './ring-model.ts';

const halves = fc.integer({ min: 1, max: 8 });

/** As of a node that knows that there are no others: whoever follows the last of a half has been named by it. */
function leafSetOf(space: IdSpace, ids: readonly number[], half: number): LeafSet {
  const [self, ...others] = ids;
  const leafSet = new LeafSet(space, self as NodeId, half);
  for (const id of others) leafSet.insert(liveNode(id), 'both');
  return leafSet;
}

const idsOf = (nodes: readonly { readonly nodeId: NodeId }[]): NodeId[] => nodes.map((node) => node.nodeId);

describe.each(WIDTHS)('a leaf set on a ring of %i bits', (bits) => {
  const space = new IdSpace(bits);
  const model = new RingModel(bits);

  it('holds exactly the nearest on either side, in whatever order they come', () => {
    fc.assert(
      fc.property(model.ids(50), halves, (ids, half) => {
        const [self = 0] = ids;
        const leafSet = leafSetOf(space, ids, half);
        expect(idsOf(leafSet.members()).sort((a, b) => a - b)).toEqual(model.leafSet(self, ids, half));
        expect(idsOf(leafSet.clockwise)).toEqual(model.around(self, ids).slice(0, half));
        expect(idsOf(leafSet.counterclockwise)).toEqual(model.around(self, ids, -1).slice(0, half));
      }),
    );
  });

  it('after any insertions and removals holds what two sorted lists would, and its members know it', () => {
    const changes = fc.array(fc.tuple(fc.nat(39), fc.boolean()), { minLength: 1, maxLength: 120 });
    fc.assert(
      fc.property(model.ids(40, 2), halves, changes, (ids, half, plan) => {
        const [self = 0 as NodeId, ...others] = ids;
        const leafSet = new LeafSet(space, self, half);
        const nodes = others.map((id) => liveNode(id));
        let sides: readonly (readonly NodeId[])[] = [[], []];
        for (const [index, isRemoval] of plan) {
          const node = nodes[index % nodes.length];
          if (node === undefined) continue;
          const without = sides.map((side) => side.filter((id) => id !== node.nodeId));
          const inserted = [1 as const, -1 as const].map((direction, i) =>
            model.around(self, [...(without[i] ?? []), node.nodeId], direction).slice(0, half),
          );
          sides = isRemoval ? without : inserted;
          if (isRemoval) leafSet.remove(node);
          else leafSet.insert(node, 'both');
          expect([idsOf(leafSet.clockwise), idsOf(leafSet.counterclockwise)]).toEqual(sides);
        }
        const members = new Set(sides.flat());
        expect(new Set(idsOf(leafSet.members()))).toEqual(members);
        for (const node of nodes) expect(node.inLeafSet).toBe(members.has(node.nodeId));
      }),
    );
  });

  it('is complete when it knows the nearest of the ring, however small', () => {
    fc.assert(fc.property(model.ids(50), halves, (ids, half) => leafSetOf(space, ids, half).isComplete()));
  });

  it('says of a node whether it would enter as insertion then shows', () => {
    fc.assert(
      fc.property(model.ids(50), model.position, halves, (ids, id, half) => {
        fc.pre(!ids.includes(id));
        const leafSet = leafSetOf(space, ids, half);
        const would = leafSet.wouldEnter(id, []);
        expect(leafSet.insert(liveNode(id)) !== undefined).toBe(would);
      }),
    );
  });

  it('covers a position exactly if nobody it does not know can be the closest', () => {
    fc.assert(
      fc.property(model.ids(50), model.position, halves, (ids, key, half) => {
        const [self = 0] = ids;
        const leafSet = leafSetOf(space, ids, half);
        const from = model.around(self, ids, -1)[half - 1];
        const to = model.around(self, ids)[half - 1];
        const isWhole = model.leafSet(self, ids, half).length === ids.length - 1 && ids.length - 1 < 2 * half;
        // Going clockwise from the outermost on one side, one meets the position before the outermost on the other.
        const between =
          from !== undefined && to !== undefined && (key === from || model.around(from, [key, to])[0] === key);
        expect(leafSet.covers(key)).toBe(isWhole || between || key === to);
      }),
    );
  });

  it('reaches only as far as nobody unknown can be nearer', () => {
    fc.assert(
      fc.property(model.ids(50), model.position, fc.double({ min: 0, max: 0.3, noNaN: true }), (ids, key, share) => {
        const distance = Math.floor(share * space.size);
        const leafSet = leafSetOf(space, ids, 3);
        if (!leafSet.reaches(key, distance)) return;
        const known = [ids[0], ...idsOf(leafSet.members())];
        for (const id of ids) if (!known.includes(id)) expect(model.distance(key, id)).toBeGreaterThan(distance);
      }),
    );
  });

  it('takes a short half for a gap, never for a small ring', () => {
    fc.assert(
      fc.property(model.ids(50, 8), fc.nat(2), fc.boolean(), (ids, index, isClockwise) => {
        const half = 3;
        fc.pre(ids.length > 2 * half + 1);
        const leafSet = leafSetOf(space, ids, half);
        const lost = (isClockwise ? leafSet.clockwise : leafSet.counterclockwise)[index];
        if (lost !== undefined) leafSet.remove(lost);
        expect(leafSet.overlaps()).toBe(false);
        expect(leafSet.isComplete()).toBe(false);
        expect(leafSet.reaches(ids[0] as NodeId, 0)).toBe(false);
      }),
    );
  });

  it('takes in the next one beyond a suspected member, and lets it go again when that one lives after all', () => {
    fc.assert(
      fc.property(model.ids(50, 2), halves, fc.infiniteStream(fc.boolean()), (ids, half, coins) => {
        const [self = 0 as NodeId, ...others] = ids;
        const nodes = others.map((id) => liveNode(id));
        const leafSet = new LeafSet(space, self, half);
        for (const node of nodes) leafSet.insert(node, 'both');
        const suspected = leafSet.members().filter(() => coins.next().value);
        for (const node of suspected) node.state = 'suspected';
        for (const node of nodes) leafSet.insert(node, 'both');

        const usable = ids.filter((id) => !suspected.some(({ nodeId }) => nodeId === id));
        for (const [members, direction] of [
          [leafSet.clockwise, 1],
          [leafSet.counterclockwise, -1],
        ] as const) {
          const seen = members.filter(({ state }) => state === 'live').map(({ nodeId }) => nodeId);
          const nearest = model.around(self, usable, direction).slice(0, half);
          expect(seen).toEqual(nearest);
        }
        for (const node of suspected) expect(node.inLeafSet).toBe(true);

        for (const node of suspected) node.state = 'live';
        leafSet.trim();
        expect(idsOf(leafSet.clockwise)).toEqual(model.around(self, ids).slice(0, half));
        expect(idsOf(leafSet.counterclockwise)).toEqual(model.around(self, ids, -1).slice(0, half));
        for (const node of nodes) expect(node.inLeafSet).toBe(leafSet.members().includes(node));
      }),
    );
  });

  it('leaves a half short rather than fill it with somebody of whom it is not known that nobody stands between', () => {
    const at = (share: number): KnownNode => liveNode(Math.floor(share * space.size));
    const leafSet = new LeafSet(space, 0 as NodeId, 2);
    const [lost, stranger] = [at(0.2), at(0.6)];
    for (const node of [at(0.1), lost, at(0.8), at(0.9)]) leafSet.insert(node);
    leafSet.remove(lost);
    expect(leafSet.insert(stranger, 'neither')).toBeUndefined();
    expect(leafSet.insert(stranger, 'counterclockwise')).toBeUndefined();
    expect(leafSet.isComplete()).toBe(false);
    expect(leafSet.insert(stranger, 'clockwise')).toEqual([]);
    expect(leafSet.isComplete()).toBe(true);
  });
});
