/** What a partition of the network does to a ring: two rings for as long as it lasts, and one again afterwards. */

import { describe, it } from 'vitest';
import { defined } from '../../src/base/assert.ts';
import { Simulation } from '../../src/sim/simulation.ts';
import { expectConvergence, expectRightLookups, grownRing } from './ring.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

describe('a partition', () => {
  /** Two rings out of one, cut for long enough that each forgets the other in its tables. */
  function cutRing(seed: number, cutMs: number): Simulation {
    const simulation = grownRing(60, { seed });
    for (const peer of simulation.livePeers()) peer.group = simulation.random() < 0.5 ? 0 : 1;
    simulation.runFor(cutMs);
    for (const peer of simulation.livePeers()) peer.group = 0;
    return simulation;
  }

  it('heals by itself from remembered nodes within two minutes', () => {
    const simulation = cutRing(16, 10 * MINUTE);
    expectConvergence(simulation, 2 * MINUTE);
    simulation.wrongDeliveries = 0;
    expectRightLookups(simulation);
  });

  it('heals through hints from outside', () => {
    const simulation = new Simulation({ seed: 17 });
    const rings = [0, 1].map(() => {
      const peers = Array.from({ length: 20 }, () => simulation.addPeer());
      const first = defined(peers[0], 'a first peer');
      simulation.start(first, []);
      for (const peer of peers.slice(1)) {
        simulation.start(peer, [first.contact]);
        simulation.runFor(SECOND);
      }
      return peers;
    });
    const hinted = defined(rings[0]?.[5], 'a peer of the first ring');
    const hint = defined(rings[1]?.[7], 'a peer of the second ring');
    simulation.step(hinted, { type: 'contacts', contacts: [hint.contact] });
    expectConvergence(simulation, 30 * SECOND);
    simulation.wrongDeliveries = 0;
    expectRightLookups(simulation);
  });
});
