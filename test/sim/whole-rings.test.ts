/**
 * What is shown with many nodes, or many sizes, rather than by a story (those are in scenarios/): joins in crowds,
 * deaths in numbers, rings of any small size.
 */

import { describe, expect, it } from 'vitest';
import type { Simulation } from '../../src/sim/simulation.ts';
import { anyOf, expectConvergence, expectRightLookups, grownRing, manyLookups, misrouted } from './ring.ts';

const SECOND = 1_000;
/** Seeds with which one leaf set was once wrong for minutes. */
const REGRESSIONS = [1_215, 1_321, 1_425, 1_333, 1_359, 1_397, 2_117, 2_174];

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

const allActive = (simulation: Simulation) => (): boolean =>
  simulation.livePeers().every((peer) => peer.node.state === 'active');

describe('joining', () => {
  it('makes one ring of any small number of peers, also around the size of a leaf set', () => {
    for (const size of [1, 2, 3, 8, 9, 16, 17, 18, 19, 33]) {
      const simulation = grownRing(size, { seed: size });
      expectConvergence(simulation, 10 * SECOND);
      expectRightLookups(simulation, 100);
    }
  });

  it('lets as many join at one moment as are there, without a wrong delivery meanwhile', () => {
    const simulation = grownRing(60, { seed: 3 });
    const present = simulation.livePeers();
    for (let i = 0; i < 60; i++) simulation.start(simulation.addPeer(), [anyOf(simulation, present).contact]);
    manyLookups(simulation, 1_000, 3 * SECOND);
    expect(simulation.wrongDeliveries).toBe(0);
    expect(simulation.runUntil(allActive(simulation), 10 * SECOND)).toBe(true);
    expectConvergence(simulation, 10 * SECOND);
    expectRightLookups(simulation);
  });

  it('makes one ring when everybody starts within two seconds from what they remember', () => {
    for (const size of [3, 24, 120]) {
      const simulation = grownRing(size, { seed: size, refusals: true });
      const remembered = simulation.livePeers().map((peer) => ({ peer, contacts: peer.node.knownContacts() }));
      for (const { peer } of remembered) simulation.kill(peer);
      for (const { peer, contacts } of remembered) {
        simulation.at(simulation.now + simulation.random() * 2 * SECOND, () => simulation.start(peer, contacts));
      }
      simulation.runFor(2 * SECOND);
      expect(simulation.runUntil(allActive(simulation), 60 * SECOND)).toBe(true);
      expectConvergence(simulation, 60 * SECOND);
      expectRightLookups(simulation, 100);
    }
  });
});

describe('death', () => {
  it('of a quarter of the ring at once is repaired while every lookup ends at the right root', () => {
    const simulation = grownRing(200, { seed: 9 });
    simulation.runFor(5 * SECOND);
    for (let i = 0; i < 50; i++) simulation.kill(anyOf(simulation, simulation.livePeers()));
    const outcomes = manyLookups(simulation, 1_000, 10 * SECOND);
    expect(misrouted(simulation, outcomes)).toEqual([]);
    expect(simulation.wrongDeliveries).toBe(0);
    expectConvergence(simulation, 30 * SECOND);
  });

  it('of a quarter of a small ring becomes known to all within half a minute, in whatever order news comes', () => {
    for (const seed of [...range(1, 100), ...REGRESSIONS]) {
      const refusals = seed % 2 === 0;
      const network = { spanDelayMs: 10, reordering: seed % 3 === 0 ? 0.1 : 0, detourDelayMs: 300 };
      const simulation = grownRing(32, { seed, refusals, network });
      simulation.runFor(simulation.random() * 20 * SECOND);
      // Lookups raise suspicions, each node its own.
      for (let i = 0; i < 1_500; i++) {
        simulation.at(simulation.now + i * 20, () => {
          simulation.lookup(anyOf(simulation, simulation.livePeers()), simulation.randomKey(), () => undefined);
        });
      }
      simulation.runFor(SECOND / 2);
      for (let i = 0; i < 8; i++) simulation.kill(anyOf(simulation, simulation.livePeers()));
      expectConvergence(simulation, 30 * SECOND);
      expect(simulation.wrongDeliveries, `seed ${String(seed)}`).toBe(0);
    }
  });

  it('of more in a row than half a leaf set holds leaves no gap that is not seen', () => {
    for (const seed of range(1, 20)) {
      const simulation = grownRing(200, { seed });
      simulation.runFor(5 * SECOND);
      const ring = simulation.livePeers().toSorted((a, b) => a.contact.nodeId - b.contact.nodeId);
      for (const peer of ring.slice(20, 30 + seed)) simulation.kill(peer);
      const outcomes = manyLookups(simulation, 500, 10 * SECOND);
      expect(misrouted(simulation, outcomes)).toEqual([]);
      expect(simulation.wrongDeliveries, `seed ${String(seed)}`).toBe(0);
      expectConvergence(simulation, 30 * SECOND);
    }
  });

  it('of all but a few lets those answer for their keys as soon as they are one ring again', () => {
    for (const seed of range(1, 10)) {
      const simulation = grownRing(40, { seed });
      simulation.runFor(5 * SECOND);
      const ring = simulation.livePeers().toSorted((a, b) => a.contact.nodeId - b.contact.nodeId);
      for (const peer of ring.slice(3, 37)) simulation.kill(peer);
      expectConvergence(simulation, 30 * SECOND);
      const allAreSure = (): boolean => simulation.livePeers().every(({ node }) => node.intervals().length > 0);
      expect(simulation.runUntil(allAreSure, 10 * SECOND), `seed ${String(seed)}`).toBe(true);
    }
  });

  it('is noticed within six seconds by a neighbour although nobody asks for the dead', () => {
    const simulation = grownRing(60, { seed: 8 });
    simulation.runFor(10 * SECOND);
    const { contact } = anyOf(simulation, simulation.livePeers());
    const neighbours = simulation.oracle.leafSet(contact.nodeId, 1).map((id) => simulation.peer(id).node);
    simulation.kill(simulation.peer(contact.nodeId));
    const noticed = (): boolean =>
      neighbours.some((node) => !node.leafSet().some(({ nodeId }) => nodeId === contact.nodeId));
    expect(simulation.runUntil(noticed, 6 * SECOND)).toBe(true);
    expectConvergence(simulation, 5 * SECOND);
  });

  it('down to the size of a leaf set and below leaves one ring', () => {
    const simulation = grownRing(24, { seed: 11 });
    while (simulation.livePeers().length > 1) {
      simulation.kill(anyOf(simulation, simulation.livePeers()));
      expectConvergence(simulation, 20 * SECOND);
    }
    expectRightLookups(simulation, 20);
  });

  it('is not assumed of whoever is busy for a second', () => {
    const simulation = grownRing(32, { seed: 12 });
    simulation.runFor(5 * SECOND);
    const dead: string[] = [];
    simulation.onFact = (_, fact) => {
      if (fact.kind === 'dead') dead.push(simulation.space.format(fact.nodeId));
    };
    for (let i = 0; i < 10; i++) {
      simulation.pause(anyOf(simulation, simulation.livePeers()), SECOND);
      simulation.runFor(3 * SECOND);
    }
    expect(dead).toEqual([]);
  });
});

describe('a partition of sixty at random', () => {
  it('heals by itself from remembered nodes within two minutes', () => {
    const simulation = grownRing(60, { seed: 16 });
    const side = new Set(simulation.livePeers().filter(() => simulation.random() < 0.5));
    simulation.reaches = (from, to) => side.has(from) === side.has(to);
    simulation.runFor(600 * SECOND);
    simulation.reaches = () => true;
    expectConvergence(simulation, 120 * SECOND);
    simulation.wrongDeliveries = 0;
    expectRightLookups(simulation);
  });
});
