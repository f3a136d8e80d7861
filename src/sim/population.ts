/**
 * The machines of an experiment that are up, so that one of them is drawn at random in constant time: an experiment
 * of millions of lookups under churn must not copy the list for each. All chance is the simulation's.
 */

import { assert, defined } from '../base/assert.ts';
import { randomBelow } from '../base/random.ts';
import type { SimulatedPeer } from './simulated-peer.ts';
import type { Simulation } from './simulation.ts';

/** Draws in a row that meet only machines which have not joined; with most of them joined it never comes to that. */
const DRAWS_MAX = 1_000;

export class Population {
  private readonly simulation: Simulation;
  private readonly members: SimulatedPeer[] = [];
  private readonly indices = new Map<SimulatedPeer, number>();

  constructor(simulation: Simulation) {
    this.simulation = simulation;
  }

  get size(): number {
    return this.members.length;
  }

  all(): readonly SimulatedPeer[] {
    return this.members;
  }

  add(peer: SimulatedPeer): void {
    assert(!this.indices.has(peer), 'a machine is counted once');
    this.indices.set(peer, this.members.length);
    this.members.push(peer);
  }

  remove(peer: SimulatedPeer): void {
    const index = defined(this.indices.get(peer), 'a machine that is counted');
    const last = defined(this.members.pop(), 'a last machine');
    this.indices.delete(peer);
    if (last === peer) return;
    this.members[index] = last;
    this.indices.set(last, index);
  }

  any(): SimulatedPeer {
    return defined(this.members[randomBelow(this.simulation.random, this.members.length)], 'somebody is up');
  }

  anyActive(): SimulatedPeer {
    for (let draws = 0; draws < DRAWS_MAX; draws++) {
      const peer = this.any();
      if (peer.node.state === 'active') return peer;
    }
    const active = this.members.filter((peer) => peer.node.state === 'active');
    return defined(active[randomBelow(this.simulation.random, active.length)], 'somebody has joined');
  }
}
