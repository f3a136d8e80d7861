/**
 * Figures of the literature that rings built by joins alone must reach: mean hops for random keys, and the cost of
 * a join. Ideal tables give 1.53, 1.94 and 2.47 hops at 64, 256 and 1,024 nodes (stand-alone oracle of converged
 * tables, 16-bit ids, digits of four bits, leaf set of 16).
 */

import { describe, expect, it } from 'vitest';
import { expectConvergence, grownRing, manyLookups, meanHops, misrouted } from './ring.ts';

/** A single ring of 64 random ids varies by some percent; larger ones less. */
const FIGURES = [
  { nodes: 64, hops: 1.53, tolerance: 0.04 },
  { nodes: 256, hops: 1.94, tolerance: 0.03 },
  { nodes: 1_024, hops: 2.47, tolerance: 0.03 },
];
const SECOND = 1_000;

describe.each(FIGURES)('a ring of $nodes', ({ nodes, hops, tolerance }) => {
  it('routes in about as few hops as ideal tables would, and joins cost few messages', { timeout: 60_000 }, () => {
    const simulation = grownRing(nodes, { seed: nodes });
    let control = 0;
    for (const [type, count] of simulation.sent) if (type !== 'ack' && type !== 'heartbeat') control += count;
    expect(control / nodes).toBeLessThanOrEqual((48 * Math.log2(nodes)) / 4);
    expectConvergence(simulation, 5 * SECOND);

    const outcomes = manyLookups(simulation, 5_000, 5 * SECOND);
    expect(misrouted(simulation, outcomes)).toEqual([]);
    expect(simulation.wrongDeliveries).toBe(0);
    expect(Math.abs(meanHops(outcomes) / hops - 1)).toBeLessThan(tolerance);
    expect(Math.max(...outcomes.map((outcome) => outcome.path.length - 1))).toBeLessThanOrEqual(5);
  });
});

describe('what a lookup brings back', () => {
  it('is the replica set by brute force, the path from entry to root, and intervals that hold the key', () => {
    const simulation = grownRing(50, { seed: 21 });
    expectConvergence(simulation, 5 * SECOND);
    const ids = simulation.livePeers().map((peer) => peer.contact.nodeId);
    const { space } = simulation;
    for (const { effect, key, entry, root, path } of manyLookups(simulation, 300, 5 * SECOND)) {
      const ranked = ids.toSorted((a, b) => space.compareByCloseness(key, a, b));
      expect(effect?.replicaSet.map((contact) => contact.nodeId)).toEqual(ranked.slice(0, 8));
      expect(path[0]).toBe(entry);
      expect(path.at(-1)).toBe(root);
      const [interval] = effect?.intervals ?? [];
      expect(interval).toBeDefined();
      if (interval === undefined) continue;
      expect(space.clockwise(interval.from, key)).toBeLessThan(space.clockwise(interval.from, interval.to));
    }
  });
});
