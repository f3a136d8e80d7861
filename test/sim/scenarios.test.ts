/**
 * What happens to rings: joins side by side, deaths, stops, partitions, restarts, loss. Each scenario drives the
 * overlay node that real peers run, under virtual time, and ends with the oracle's judgement.
 */

import { describe, expect, it } from 'vitest';
import type { Contact } from '../../src/id/contact.ts';
import type { NodeId } from '../../src/id/id-space.ts';
import type { SimulatedPeer } from '../../src/sim/simulated-peer.ts';
import type { Simulation } from '../../src/sim/simulation.ts';
import { anyOf, expectConvergence, expectRightLookups, grownRing, manyLookups, misrouted } from './ring.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const allActive = (simulation: Simulation) => (): boolean =>
  simulation.livePeers().every((peer) => peer.node.state === 'active');

/** Kills everybody and gives back what each remembers. */
function killAll(simulation: Simulation): Map<SimulatedPeer, readonly Contact[]> {
  const remembered = new Map(simulation.livePeers().map((peer) => [peer, peer.node.knownContacts()]));
  for (const peer of remembered.keys()) simulation.kill(peer);
  return remembered;
}

describe('joining', () => {
  it('makes one ring of any small number of peers, also around the size of a leaf set', () => {
    for (const size of [1, 2, 3, 8, 9, 16, 17, 18, 19, 33]) {
      const simulation = grownRing(size, { seed: size });
      expectConvergence(simulation, 10 * SECOND);
      expectRightLookups(simulation, 100);
    }
  });

  it('is safe side by side between the same two neighbours, at the wrap of the ring', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const ids = [0xf000, 0x1000, 0x4000, 0x8000, 0xc000];
      const simulation = grownRing(ids.length, { seed }, ids);
      const present = simulation.livePeers();
      for (const id of [0xffff, 0x0000, 0x0001, 0xfffe, 0x0002, 0xfff0]) {
        simulation.start(simulation.addPeer(id as NodeId), [anyOf(simulation, present).contact]);
      }
      manyLookups(simulation, 200, 5 * SECOND);
      expect(simulation.wrongDeliveries).toBe(0);
      expect(allActive(simulation)()).toBe(true);
      expectConvergence(simulation, 10 * SECOND);
      expectRightLookups(simulation, 50);
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

  it('works through a seed that is itself still joining', () => {
    const simulation = grownRing(40, { seed: 4 });
    let seed = anyOf(simulation, simulation.livePeers()).contact;
    for (let i = 0; i < 8; i++) {
      const peer = simulation.addPeer();
      simulation.start(peer, [seed]);
      seed = peer.contact;
    }
    expect(simulation.runUntil(allActive(simulation), 30 * SECOND)).toBe(true);
    expectConvergence(simulation, 10 * SECOND);
  });

  it('goes on to the next seed when the first ones are dead', () => {
    const simulation = grownRing(20, { seed: 5, refusals: true });
    const dead = simulation.livePeers().slice(0, 5);
    for (const peer of dead) simulation.kill(peer);
    const newcomer = simulation.addPeer();
    const alive = anyOf(simulation, simulation.livePeers());
    simulation.start(newcomer, [...dead.map((peer) => peer.contact), alive.contact]);
    expect(simulation.runUntil(() => newcomer.node.state === 'active', 15 * SECOND)).toBe(true);
    expectConvergence(simulation, 20 * SECOND);
  });

  it('makes one ring when everybody starts at once from what they remember', () => {
    for (const size of [3, 24, 120]) {
      const simulation = grownRing(size, { seed: size, refusals: true });
      for (const [peer, contacts] of killAll(simulation)) {
        simulation.at(simulation.now + simulation.random() * 2 * SECOND, () => {
          simulation.start(peer, contacts);
        });
      }
      simulation.runFor(2 * SECOND);
      expect(simulation.runUntil(allActive(simulation), 60 * SECOND)).toBe(true);
      expectConvergence(simulation, 60 * SECOND);
      expectRightLookups(simulation, 100);
    }
  });

  it('succeeds in spite of lost and doubled messages', () => {
    const simulation = grownRing(60, { seed: 6, network: { loss: 0.05, duplication: 0.02 } });
    expectConvergence(simulation, 2 * MINUTE);
    const outcomes = manyLookups(simulation, 500, 20 * SECOND);
    expect(misrouted(simulation, outcomes)).toEqual([]);
  });
});

describe('death', () => {
  it('of a root is noticed within three seconds by lookups, which end at the next root', () => {
    const simulation = grownRing(40, { seed: 7 });
    simulation.runFor(5 * SECOND);
    const victim = anyOf(simulation, simulation.livePeers());
    const key = victim.contact.nodeId;
    simulation.kill(victim);
    const entry = anyOf(simulation, simulation.livePeers());
    let tookMs = Infinity;
    simulation.lookup(entry, key, (outcome) => {
      expect(outcome.root).toBe(simulation.oracle.root(key));
      ({ tookMs } = outcome);
    });
    simulation.runFor(5 * SECOND);
    expect(tookMs).toBeLessThan(3 * SECOND);
    expect(simulation.wrongDeliveries).toBe(0);
  });

  it('is noticed by the heartbeat watch within six seconds, and every leaf set is repaired', () => {
    const simulation = grownRing(60, { seed: 8 });
    simulation.runFor(10 * SECOND);
    const victim = anyOf(simulation, simulation.livePeers());
    const neighbours = simulation.oracle.leafSet(victim.contact.nodeId, 1);
    simulation.kill(victim);
    const before = simulation.now;
    const noticed = (): boolean =>
      neighbours.some(
        (id) =>
          !simulation
            .peer(id)
            .node.leafSet()
            .some((c) => c.nodeId === victim.contact.nodeId),
      );
    expect(simulation.runUntil(noticed, 6 * SECOND)).toBe(true);
    expect(simulation.now - before).toBeLessThan(5.5 * SECOND);
    expectConvergence(simulation, 5 * SECOND);
  });

  it('of a quarter of the ring at once is repaired while every lookup ends at the right root', () => {
    const simulation = grownRing(200, { seed: 9 });
    simulation.runFor(5 * SECOND);
    for (let i = 0; i < 50; i++) simulation.kill(anyOf(simulation, simulation.livePeers()));
    const outcomes = manyLookups(simulation, 1_000, 10 * SECOND);
    expect(misrouted(simulation, outcomes)).toEqual([]);
    expect(simulation.wrongDeliveries).toBe(0);
    expectConvergence(simulation, 30 * SECOND);
  });

  it('of a whole half of a leaf set is repaired', () => {
    const simulation = grownRing(80, { seed: 10 });
    simulation.runFor(5 * SECOND);
    const ids = [...simulation.peers.keys()].sort((a, b) => a - b);
    for (const id of ids.slice(20, 34)) simulation.kill(simulation.peer(id));
    expectConvergence(simulation, 60 * SECOND);
    expectRightLookups(simulation);
  });

  it('down to the size of a leaf set and below leaves one ring', () => {
    const simulation = grownRing(24, { seed: 11 });
    while (simulation.livePeers().length > 1) {
      simulation.kill(anyOf(simulation, simulation.livePeers()));
      expectConvergence(simulation, 20 * SECOND);
    }
    expectRightLookups(simulation, 20);
  });

  it('is not assumed of a peer that is busy for a second, nor is another blamed by one that slept for twenty', () => {
    const simulation = grownRing(32, { seed: 12 });
    simulation.runFor(5 * SECOND);
    const dead: NodeId[] = [];
    simulation.onFact = (_, fact) => {
      if (fact.kind === 'dead') dead.push(fact.nodeId);
    };
    for (let i = 0; i < 10; i++) {
      simulation.pause(anyOf(simulation, simulation.livePeers()), SECOND);
      simulation.runFor(3 * SECOND);
    }
    expect(dead).toEqual([]);
    const sleeper = anyOf(simulation, simulation.livePeers());
    simulation.pause(sleeper, 20 * SECOND);
    simulation.runFor(40 * SECOND);
    expect(dead.every((id) => id === sleeper.contact.nodeId)).toBe(true);
    expectConvergence(simulation, 30 * SECOND);
  });
});

describe('stopping and leaving', () => {
  it('is known to the neighbours at once, and needs no probes', () => {
    const simulation = grownRing(40, { seed: 13 });
    simulation.runFor(5 * SECOND);
    const peer = anyOf(simulation, simulation.livePeers());
    simulation.stop(peer);
    expectConvergence(simulation, 2 * SECOND);
    expectRightLookups(simulation);
  });

  it('lets a stopped peer come back under its id with new addresses, which all then know', () => {
    const simulation = grownRing(40, { seed: 14 });
    const peer = anyOf(simulation, simulation.livePeers());
    const remembered = peer.node.knownContacts();
    simulation.stop(peer);
    simulation.runFor(5 * SECOND);
    const moved: SimulatedPeer = { ...peer, contact: { ...peer.contact, addrs: ['/sim/moved'] } };
    simulation.peers.delete(peer.contact.nodeId);
    simulation.adopt(moved);
    simulation.start(moved, remembered);
    expect(simulation.runUntil(() => moved.node.state === 'active', 10 * SECOND)).toBe(true);
    expectConvergence(simulation, 5 * SECOND);
    for (const id of simulation.oracle.leafSet(moved.contact.nodeId, 8)) {
      const seen = simulation
        .peer(id)
        .node.leafSet()
        .find((c) => c.nodeId === moved.contact.nodeId);
      expect(seen?.addrs).toEqual(['/sim/moved']);
    }
  });

  it('lets another peer have the id of one that left, although others remember or still expect that one', () => {
    for (const remembered of [true, false]) {
      const simulation = grownRing(40, { seed: 16 });
      const left = anyOf(simulation, simulation.livePeers());
      const { nodeId } = left.contact;
      const seeds = left.node.knownContacts();
      simulation.kill(left);
      if (remembered) simulation.runFor(MINUTE);
      const contact = {
        ...left.contact,
        peerId: 'successor',
        serial: left.contact.serial + 1,
        addrs: ['/sim/successor'],
      };
      const successor: SimulatedPeer = { ...left, contact };
      simulation.peers.delete(nodeId);
      simulation.adopt(successor);
      simulation.start(successor, seeds);
      expect(simulation.runUntil(() => successor.node.state === 'active', 10 * SECOND)).toBe(true);
      expectConvergence(simulation, 5 * SECOND);
      for (const id of simulation.oracle.leafSet(nodeId, 8)) {
        const leafSet = simulation.peer(id).node.leafSet();
        expect(leafSet.find((c) => c.nodeId === nodeId)?.peerId).toBe('successor');
      }
    }
  });

  it('for good is not followed by probes', () => {
    const simulation = grownRing(30, { seed: 15 });
    const peer = anyOf(simulation, simulation.livePeers());
    simulation.runFor(5 * SECOND);
    simulation.stop(peer, true);
    expectConvergence(simulation, 5 * SECOND);
    simulation.runFor(10 * SECOND);
    let probes = 0;
    simulation.onSend = (from, to, message) => {
      const isLeaf = simulation.oracle.leafSet(from.contact.nodeId, 8).length > 0;
      if (isLeaf && message.type === 'probe' && to.nodeId === peer.contact.nodeId) probes += 1;
    };
    simulation.runFor(2 * MINUTE);
    // Only table owners who were told nothing may still try, each once.
    expect(probes).toBeLessThan(30 * 4);
  });
});
