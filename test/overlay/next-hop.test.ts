import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Key, NodeId } from '../../src/id/id-space.ts';
import { LeafSet } from '../../src/overlay/leaf-set.ts';
import { nextHop, type RoutingView } from '../../src/overlay/next-hop.ts';
import { PastryGeometry } from '../../src/overlay/pastry.ts';
import { RoutingTable } from '../../src/overlay/routing-table.ts';
import { Oracle } from '../../src/sim/oracle.ts';
import { liveNode } from './helpers.ts';

const geometry = new PastryGeometry(16);
const { space } = geometry;
const position = fc.oneof(
  fc.integer({ min: 0, max: space.size - 1 }),
  fc.integer({ min: -20, max: 20 }).map((n) => (n + space.size) % space.size),
  fc.integer({ min: 0, max: 15 }).map((digit) => digit * 0x1000),
);
const rings = fc.uniqueArray(position, { minLength: 1, maxLength: 120 });

/** The tables that a node would have if it knew everybody, thinned by dropping a share of the slots. */
function viewOf(self: number, ids: readonly number[], half: number, keepsSlot: (id: number) => boolean): RoutingView {
  const leafSet = new LeafSet(space, self as NodeId, half);
  const table = new RoutingTable(geometry, self as NodeId);
  for (const id of ids) {
    if (id === self) continue;
    const node = liveNode(id);
    leafSet.insert(node);
    if (keepsSlot(id)) table.offer(node);
  }
  return { self: self as NodeId, geometry, leafSet, table };
}

describe('nextHop', () => {
  it('leads from every source to the one root, each hop gaining a digit or getting nearer', () => {
    fc.assert(
      fc.property(rings, position, fc.integer({ min: 0, max: 3 }), (ids, key, thinning) => {
        const oracle = new Oracle(space);
        for (const id of ids) oracle.add(id as NodeId);
        const views = new Map(ids.map((id) => [id, viewOf(id, ids, 4, (other) => (other * 7 + id) % 4 >= thinning)]));
        for (const source of ids.slice(0, 20)) {
          let at = source;
          for (let hops = 0; ; hops++) {
            expect(hops).toBeLessThan(ids.length + 4);
            const view = views.get(at);
            const hop = view === undefined ? undefined : nextHop(view, key as Key);
            if (hop === undefined) break;
            const next = hop.to.nodeId;
            const gains = geometry.row(next, key as Key) > geometry.row(at as NodeId, key as Key);
            expect(gains || geometry.compare(key as Key, next, at as NodeId) < 0).toBe(true);
            at = next;
          }
          expect(at).toBe(oracle.root(key as Key));
        }
      }),
    );
  });

  it('passes over a suspected node, and in the rare case loses neither digits nor nearness', () => {
    fc.assert(
      fc.property(rings, position, (ids, key) => {
        const [self = 0] = ids;
        const view = viewOf(self, ids, 4, () => true);
        const first = nextHop(view, key as Key);
        if (first === undefined) return;
        first.to.state = 'suspected';
        const second = nextHop(view, key as Key);
        expect(second?.to).not.toBe(first.to);
        if (second?.how === 'rare') expect(geometry.progresses(view.self, second.to.nodeId, key as Key)).toBe(true);
      }),
    );
  });

  it('never chooses the one to be left out', () => {
    const view = viewOf(0x1000, [0x2000, 0x2001, 0x3000], 8, () => true);
    expect(nextHop(view, 0x2001 as Key, 0x2001 as NodeId)?.to.nodeId).toBe(0x2000);
  });
});
