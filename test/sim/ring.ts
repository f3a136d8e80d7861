/**
 * Helpers for tests that run a whole ring in the simulator: growing one, asking it many lookups, and waiting
 * until it is what the oracle says.
 */

import { expect } from 'vitest';
import { defined } from '../../src/base/assert.ts';
import { randomBelow } from '../../src/base/random.ts';
import type { NodeId } from '../../src/id/id-space.ts';
import type { LookupOutcome, SimulatedPeer } from '../../src/sim/simulated-peer.ts';
import { Simulation, type SimulationOptions } from '../../src/sim/simulation.ts';

/** A random live peer, which need not be active. */
export function anyOf(simulation: Simulation, peers: readonly SimulatedPeer[]): SimulatedPeer {
  return defined(peers[randomBelow(simulation.random, peers.length)], 'there is a peer');
}

/** A ring of so many peers, grown by joins alone, a tenth of its size at a time. */
export function grownRing(size: number, options: SimulationOptions, ids: readonly number[] = []): Simulation {
  const simulation = new Simulation(options);
  const idAt = (index: number): NodeId | undefined => ids[index] as NodeId | undefined;
  simulation.start(simulation.addPeer(idAt(0)), []);
  while (simulation.peers.size < size) {
    const present = [...simulation.peers.values()];
    const batch = Math.min(size - present.length, Math.max(1, Math.floor(present.length / 10)));
    for (let i = 0; i < batch; i++) {
      const peer = simulation.addPeer(idAt(simulation.peers.size));
      simulation.start(peer, [anyOf(simulation, present).contact]);
    }
    const joined = simulation.runUntil(
      () => simulation.livePeers().every((peer) => peer.node.state === 'active'),
      60_000,
    );
    expect(joined, `${String(simulation.peers.size)} peers join`).toBe(true);
  }
  return simulation;
}

/** Lets time pass until every leaf set equals the oracle's. */
export function expectConvergence(simulation: Simulation, limitMs: number): void {
  const converged = simulation.runUntil(() => simulation.leafSetErrors().length === 0, limitMs);
  expect(converged ? [] : simulation.leafSetErrors().map((id) => simulation.space.format(id))).toEqual([]);
}

/** Lookups of random keys from random live entries, spread over a span; returns when each has ended. */
export function manyLookups(simulation: Simulation, count: number, spanMs: number): LookupOutcome[] {
  const outcomes: LookupOutcome[] = [];
  const startedAt = simulation.now;
  for (let i = 0; i < count; i++) {
    simulation.at(startedAt + (i * spanMs) / count, () => {
      const entries = simulation.livePeers().filter((peer) => peer.node.state === 'active');
      simulation.lookup(anyOf(simulation, entries), simulation.randomKey(), (outcome) => outcomes.push(outcome));
    });
  }
  simulation.runUntil(() => outcomes.length === count, spanMs + 2 * simulation.parameters.lookupDeadlineMs);
  expect(outcomes.length, 'each lookup ends exactly once').toBe(count);
  return outcomes;
}

/** Of outcomes of a quiet ring: those that did not end at the closest live node. */
export function misrouted(simulation: Simulation, outcomes: readonly LookupOutcome[]): LookupOutcome[] {
  return outcomes.filter((outcome) => outcome.root !== simulation.oracle.root(outcome.key));
}

export function meanHops(outcomes: readonly LookupOutcome[]): number {
  return outcomes.reduce((sum, outcome) => sum + outcome.path.length - 1, 0) / outcomes.length;
}

/** Lookups from everywhere end at the right roots. */
export function expectRightLookups(simulation: Simulation, count = 300): void {
  const outcomes = manyLookups(simulation, count, 5_000);
  expect(misrouted(simulation, outcomes)).toEqual([]);
  expect(simulation.wrongDeliveries).toBe(0);
}
