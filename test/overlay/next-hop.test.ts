import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Key, NodeId } from '../../src/id/id-space.ts';
import { KnownNode } from '../../src/overlay/known-node.ts';
import { LeafSet } from '../../src/overlay/leaf-set.ts';
import { nextHop, type RoutingView } from '../../src/overlay/next-hop.ts';
import { PastryGeometry } from '../../src/overlay/pastry.ts';
import { RoutingTable } from '../../src/overlay/routing-table.ts';
import { contactOf, liveNode } from './helpers.ts';
import { RingModel, WIDTHS } from './ring-model.ts';

const HALF = 4;

type Knowledge = { readonly view: RoutingView; readonly nodes: readonly KnownNode[] };

/** What a node of a ring knows: all its leaves, and of the others those that are `kept` in its table. */
function knowledge(
  geometry: PastryGeometry,
  self: NodeId,
  ids: readonly NodeId[],
  kept: (id: NodeId) => boolean,
): Knowledge {
  const leafSet = new LeafSet(geometry.space, self, HALF);
  const table = new RoutingTable(geometry, self);
  const nodes = ids.filter((id) => id !== self).map((id) => liveNode(id));
  for (const node of nodes) {
    leafSet.insert(node);
    if (kept(node.nodeId)) table.offer(node);
  }
  return { view: { self, geometry, leafSet, table }, nodes };
}

describe.each(WIDTHS)('the next hop on a ring of %i bits', (bits) => {
  const geometry = new PastryGeometry(bits);
  const model = new RingModel(bits);
  /** A reproducible coin with three sides for each pair: slot kept, slot empty, entry suspected. */
  const sides = fc.func<[NodeId, NodeId], number>(fc.nat(2));

  it('leads from every source to the one root, with whatever slots empty and entries suspected', () => {
    fc.assert(
      fc.property(model.ids(100), model.position, sides, (ids, key, side) => {
        const root = model.root(key, ids);
        const views = new Map<NodeId, RoutingView>();
        for (const id of ids) {
          const { view, nodes } = knowledge(geometry, id, ids, (other) => side(id, other) !== 1);
          for (const node of nodes) if (!node.inLeafSet && side(id, node.nodeId) === 2) node.state = 'suspected';
          views.set(id, view);
        }
        for (const source of ids.slice(0, 20)) {
          const path = [source];
          for (let at = source; ;) {
            const view = views.get(at);
            const hop = view === undefined ? undefined : nextHop(view, key);
            if (hop === undefined) break;
            at = hop.to.nodeId;
            expect(path, 'no cycle').not.toContain(at);
            path.push(at);
          }
          expect(path.at(-1)).toBe(root);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('makes progress and avoids the suspected, whoever is suspected or unknown', () => {
    fc.assert(
      fc.property(model.ids(60), model.position, sides, fc.nat(59), (ids, key, side, removals) => {
        const [self = 0 as NodeId] = ids;
        const { view, nodes } = knowledge(geometry, self, ids, (other) => side(self, other) !== 1);
        for (const node of nodes.slice(0, removals % 5)) if (node.inLeafSet) view.leafSet.remove(node);
        for (const node of nodes) if (side(node.nodeId, self) === 2) node.state = 'suspected';
        const hop = nextHop(view, key);
        if (hop === undefined) return;
        expect(hop.to.state).toBe('live');
        const next = hop.to.nodeId;
        const [digits, digitsNext] = [self, next].map((id) => model.shared(id, key)) as [number, number];
        const isCloser = model.root(key, [self, next]) === next;
        if (view.leafSet.covers(key)) expect(isCloser, 'within the leaf set the closest counts').toBe(true);
        else expect(digitsNext > digits || (digitsNext === digits && isCloser), 'the pair gets no worse').toBe(true);
      }),
    );
  });

  it('is the closest leaf where the leaf set covers the key, and gains a digit where the table can', () => {
    fc.assert(
      fc.property(model.ids(60), model.position, (ids, key) => {
        const [self = 0 as NodeId] = ids;
        const { view } = knowledge(geometry, self, ids, () => true);
        const hop = nextHop(view, key);
        const to = hop?.to.nodeId ?? self;
        if (view.leafSet.covers(key)) {
          expect(to).toBe(model.root(key, [self, ...view.leafSet.members().map((node) => node.nodeId)]));
        } else if (ids.some((id) => model.shared(id, key) > model.shared(self, key))) {
          expect(model.shared(to, key)).toBeGreaterThan(model.shared(self, key));
        }
      }),
    );
  });

  it('is never the one to be left out', () => {
    fc.assert(
      fc.property(model.ids(30, 2), (ids) => {
        const [self = 0 as NodeId, joiner = 0 as NodeId] = ids;
        const { view } = knowledge(geometry, self, ids, () => true);
        expect(nextHop(view, joiner, joiner)?.to.nodeId).not.toBe(joiner);
      }),
    );
  });

  it('tries out who is on trial for a slot only while that has no live holder', () => {
    const table = new RoutingTable(geometry, 0 as NodeId);
    const leafSet = new LeafSet(geometry.space, 0 as NodeId, 1);
    for (const id of [1, geometry.space.size - 1]) leafSet.insert(liveNode(id));
    const view = { self: 0 as NodeId, geometry, leafSet, table };
    const key = (geometry.space.size / 2) as Key;
    const holder = liveNode(key + 1);
    const onTrial = new KnownNode(contactOf(key + 2));
    table.putOnTrial(onTrial);
    expect(nextHop(view, key)?.to).toBe(onTrial);
    table.offer(holder);
    expect(nextHop(view, key)?.to).toBe(holder);
    holder.state = 'suspected';
    expect(nextHop(view, key)?.to).toBe(onTrial);
    table.endTrial(onTrial);
    expect(nextHop(view, key)?.to).not.toBe(onTrial);
  });
});
