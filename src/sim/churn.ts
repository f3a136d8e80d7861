/**
 * Machines that come and go. The length of a session is exponential, as in the evaluations of MSPastry (Castro,
 * Costa, Rowstron, DSN 2004) and Bamboo (Rhea and others, ATC 2004): it has no memory, so those that are up when
 * the churn begins are as far into their sessions as any. A session ends as by SIGKILL, and at that moment a newcomer
 * with an id of its own starts, through one random seed that is up: the population stays the same.
 */

import { assert } from '../base/assert.ts';
import type { Population } from './population.ts';
import type { SimulatedPeer } from './simulated-peer.ts';
import type { Simulation } from './simulation.ts';

/** A newcomer that has not joined by then asks for another seed, as a peer asks its discovery peer again. */
const NEXT_SEED_MS = 10_000;

export class Churn {
  private readonly simulation: Simulation;
  private readonly population: Population;
  private readonly sessionMeanMs: number;
  private isOn = false;
  /** Sessions that have ended. */
  departures = 0;

  constructor(simulation: Simulation, population: Population, sessionMedianMs: number) {
    assert(sessionMedianMs > 0, 'a session lasts');
    this.simulation = simulation;
    this.population = population;
    this.sessionMeanMs = sessionMedianMs / Math.LN2;
  }

  start(): void {
    assert(!this.isOn, 'churn starts once');
    this.isOn = true;
    for (const peer of this.population.all()) this.beginSession(peer);
  }

  /** Nobody goes any more. */
  stop(): void {
    this.isOn = false;
  }

  private beginSession(peer: SimulatedPeer): void {
    const { simulation } = this;
    const sessionMs = -Math.log(1 - simulation.random()) * this.sessionMeanMs;
    simulation.at(simulation.now + sessionMs, () => {
      if (this.isOn) this.replace(peer);
    });
  }

  private replace(peer: SimulatedPeer): void {
    const { simulation, population } = this;
    population.remove(peer);
    simulation.retire(peer);
    this.departures += 1;
    const newcomer = simulation.addPeer();
    simulation.start(newcomer, [population.anyActive().contact]);
    population.add(newcomer);
    this.offerSeedLater(newcomer);
    this.beginSession(newcomer);
  }

  private offerSeedLater(newcomer: SimulatedPeer): void {
    const { simulation, population } = this;
    simulation.at(simulation.now + NEXT_SEED_MS, () => {
      if (!newcomer.isUp || newcomer.node.state !== 'joining') return;
      simulation.step(newcomer, { type: 'start', seeds: [population.anyActive().contact] });
      this.offerSeedLater(newcomer);
    });
  }
}
