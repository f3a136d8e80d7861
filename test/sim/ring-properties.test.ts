/**
 * What all nodes of a quiet ring claim, taken together, against the model: exactly one root for every key, the
 * stretches of all make up the ring, and whoever names a replica set names the right one.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdSpace, type Key, type NodeId } from '../../src/id/id-space.ts';
import { intervalContains } from '../../src/id/interval.ts';
import { Oracle } from '../../src/sim/oracle.ts';
import type { Simulation } from '../../src/sim/simulation.ts';
import { RingModel, WIDTHS } from '../overlay/ring-model.ts';
import { expectConvergence, grownRing } from './ring.ts';

const NODES_MAX = 30;
/** One seed, so that a red run replays; more of them for more runs. */
const RINGS = { numRuns: Number(process.env.PROPERTY_RUNS ?? 20), seed: 1 };

describe.each(WIDTHS)('on a quiet ring of %i bits', (bits) => {
  const model = new RingModel(bits);
  const halves = fc.constantFrom(1, 2, 4, 8);

  function quietRing(ids: readonly NodeId[], leafSetHalf: number, seed: number): Simulation {
    const simulation = grownRing(ids.length, { seed, parameters: { idBits: bits, leafSetHalf } }, ids);
    expectConvergence(simulation, 120_000);
    return simulation;
  }

  /** Keys where it matters: between each two neighbours, at them, and some elsewhere. */
  function keysFor(ids: readonly NodeId[], others: readonly Key[]): Key[] {
    const middles = ids.map((id) => {
      const next = model.around(id, ids)[0] ?? id;
      return ((id + Math.floor(((next - id + model.size) % model.size) / 2)) % model.size) as Key;
    });
    return [...ids, ...middles, ...others];
  }

  it('leaf sets equal the model, every key has one root, and intervals hold what the root answers for', () => {
    fc.assert(
      fc.property(model.ids(NODES_MAX), halves, fc.array(model.position), fc.nat(), (ids, half, others, seed) => {
        const simulation = quietRing(ids, half, seed);
        for (const id of ids) {
          const leaves = simulation.peer(id).node.leafSet();
          expect(leaves.map(({ nodeId }) => nodeId).sort((a, b) => a - b)).toEqual(model.leafSet(id, ids, half));
        }
        for (const key of keysFor(ids, others)) {
          const owners = ids.filter((id) => {
            const { node } = simulation.peer(id);
            const isWithin = node.intervals().some((interval) => intervalContains(simulation.space, interval, key));
            expect(isWithin).toBe(node.isRoot(key));
            return isWithin;
          });
          expect(owners).toEqual([model.root(key, ids)]);
        }
      }),
      RINGS,
    );
  });

  it('a replica set is the k closest of the model or is refused, never guessed; the root always knows it', () => {
    fc.assert(
      fc.property(model.ids(NODES_MAX), halves, fc.array(model.position), fc.nat(), (ids, half, others, seed) => {
        const simulation = quietRing(ids, half, seed);
        for (const key of keysFor(ids, others)) {
          for (let k = 1; k <= half + 1; k++) {
            const right = model.ranked(key, ids).slice(0, k);
            for (const id of ids) {
              const set = simulation.peer(id).node.replicaSet(key, k);
              if (set !== undefined) expect(set.map(({ nodeId }) => nodeId)).toEqual(right);
              if (k > half) expect(set).toBeUndefined();
              else if (id === right[0]) expect(set).toBeDefined();
            }
          }
        }
      }),
      RINGS,
    );
  });

  it('the oracle that judges simulations agrees with the model', () => {
    fc.assert(
      fc.property(model.ids(60), halves, model.position, (ids, half, key) => {
        const oracle = new Oracle(new IdSpace(bits));
        for (const id of ids) oracle.add(id);
        expect(oracle.root(key)).toBe(model.root(key, ids));
        for (const id of ids.slice(0, 5)) expect(oracle.leafSet(id, half)).toEqual(model.leafSet(id, ids, half));
      }),
    );
  });
});
