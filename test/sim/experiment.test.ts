/**
 * The experiments count what is there: figures are complete and follow from the seed, every lookup is accounted for,
 * and each kind of trouble shows where it should.
 */

import { describe, expect, it } from 'vitest';
import { IdSpace, type NodeId } from '../../src/id/id-space.ts';
import { freeNodeId } from '../../src/membership/node-id-assignment.ts';
import { balancedId } from '../../src/sim/balanced-id.ts';
import { Churn } from '../../src/sim/churn.ts';
import type { Disturbance, ExperimentOptions } from '../../src/sim/experiment-options.ts';
import { runExperiment, type ExperimentResult } from '../../src/sim/experiment.ts';
import { LookupStatistics, LOST_AFTER_MS } from '../../src/sim/lookup-statistics.ts';
import { Population } from '../../src/sim/population.ts';
import type { SimulatedPeer } from '../../src/sim/simulated-peer.ts';
import type { Simulation } from '../../src/sim/simulation.ts';
import { anyOf, expectConvergence, grownRing, manyLookups } from './ring.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

function run(options: Partial<ExperimentOptions>): ExperimentResult {
  const experiment = runExperiment({
    nodes: 40,
    bits: 16,
    leafSet: 16,
    seed: 1,
    lookups: 200,
    ids: 'random',
    settleMinutes: 0.5,
    minutes: 0.2,
    loss: 0,
    disturbance: { kind: 'none' },
    ...options,
  });
  for (;;) {
    const step = experiment.next();
    if (step.done) return step.value;
    expect(step.value.share).toBeGreaterThanOrEqual(0);
    expect(step.value.share).toBeLessThanOrEqual(1);
  }
}

function populationOf(simulation: Simulation): Population {
  const population = new Population(simulation);
  for (const peer of simulation.livePeers()) population.add(peer);
  return population;
}

describe('an experiment', () => {
  it('gives every figure, and those that belong together agree', () => {
    const { figures, traffic } = run({});
    const { hopShares, meanHops, nodes, lookups } = figures;
    expect([nodes, lookups]).toEqual([40, 200]);
    expect(hopShares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
    expect(hopShares.reduce((sum, share, hops) => sum + share * hops, 0)).toBeCloseTo(meanHops ?? NaN);
    expect(figures.maxHops).toBe(hopShares.length - 1);
    expect(figures.routeStretch).toBeGreaterThan(1);
    expect(figures.joinMessagesMean).toBeGreaterThan(10);
    expect(figures.tableSlotsMean).toBeGreaterThan(5);
    expect(figures.controlMessagesPerNodeSecond).toBeGreaterThan(0);
    const { wrongDeliveries, lostLookups, wrongRootLookups, leafSetErrors, abandonedLookups } = figures;
    expect([wrongDeliveries, lostLookups, wrongRootLookups, leafSetErrors, abandonedLookups]).toEqual([0, 0, 0, 0, 0]);
    expect(figures.repairMessagesPerFailure).toBeNull();
    expect(traffic.at(-1)?.phase).toBe('measuring');
  });

  it('replays from its seed, figure for figure, under loss and churn too', () => {
    const options = { loss: 0.01, disturbance: { kind: 'churn', sessionMedianSeconds: 30 } } as const;
    expect(run(options)).toEqual(run(options));
    expect(run({ ...options, seed: 2 })).not.toEqual(run(options));
  });

  it('counts the hops before, during and after the repair of failures', () => {
    const { figures } = run({ disturbance: { kind: 'fail', share: 0.2 }, minutes: 1 });
    expect(figures.hopsBefore).toBeGreaterThan(1);
    expect(figures.hopsAfter).toBeGreaterThan(1);
    expect(figures.repairMessagesPerFailure).toBeGreaterThan(1);
    expect([figures.wrongRootLookups, figures.lostLookups, figures.leafSetErrors]).toEqual([0, 0, 0]);
  });

  it.each<Disturbance>([
    { kind: 'partition', seconds: 60, cut: 'halves' },
    { kind: 'join', joiners: 40 },
    { kind: 'restart' },
  ])('measures how long the ring takes after $kind', (disturbance) => {
    const { figures } = run({ disturbance });
    expect(figures.healedAfterSeconds).toBeGreaterThan(0);
    expect(figures.healedAfterSeconds).toBeLessThanOrEqual(120);
    expect([figures.wrongRootLookups, figures.lostLookups, figures.leafSetErrors]).toEqual([0, 0, 0]);
  });

  it('numbers a ring as the discovery peer would', () => {
    for (const space of [new IdSpace(16), new IdSpace(32)]) {
      const taken: NodeId[] = [];
      for (let index = 0; index < 300; index++) {
        expect(balancedId(space, index)).toBe(freeNodeId(space, taken));
        taken.push(balancedId(space, index));
        taken.sort((a, b) => a - b);
      }
    }
    expect(run({ ids: 'balanced' }).figures.leafSetErrors).toBe(0);
  });
});

describe('the account of lookups', () => {
  it('has those as lost whose answer comes too late, and those apart whose origin is killed', () => {
    const simulation = grownRing(20, { seed: 3 });
    const statistics = new LookupStatistics(simulation);
    const [sleeper, victim, quick] = simulation.livePeers() as [SimulatedPeer, SimulatedPeer, SimulatedPeer];
    for (const peer of [sleeper, victim, quick]) for (let i = 0; i < 20; i++) statistics.lookUp(peer);
    // What has its root at its origin is answered already.
    const open = { atAll: statistics.open, atSleeper: 0, atVictim: 0 };
    simulation.kill(victim);
    open.atVictim = open.atAll - statistics.open;
    simulation.pause(sleeper, LOST_AFTER_MS + SECOND);
    simulation.runFor(LOST_AFTER_MS);
    open.atSleeper = statistics.open;
    expect(statistics.lost).toBe(open.atSleeper);
    simulation.runFor(5 * SECOND);
    expect(statistics.open).toBe(0);
    expect([statistics.abandoned, statistics.lost]).toEqual([open.atVictim, open.atSleeper]);
    expect(statistics.answered).toBe(60 - open.atVictim - open.atSleeper);
    expect(Math.min(open.atVictim, open.atSleeper)).toBeGreaterThan(10);
  });

  it('has a delivery as wrong when somebody closer is alive', () => {
    const simulation = grownRing(20, { seed: 4 });
    const statistics = new LookupStatistics(simulation);
    // Somebody whom nobody has met, with half of the ring.
    for (const id of simulation.oracle.leafSet(0 as NodeId, 5)) simulation.oracle.remove(id);
    for (const peer of simulation.livePeers()) for (let i = 0; i < 10; i++) statistics.lookUp(peer);
    simulation.runFor(5 * SECOND);
    expect(statistics.answered).toBe(200);
    expect(statistics.wrongRoots).toBeGreaterThan(20);
    expect(simulation.wrongDeliveries).toBe(statistics.wrongRoots);
  });

  it('leaves the acknowledgements of lookups and answers, and no others, out of the control traffic', () => {
    const simulation = grownRing(30, { seed: 5 });
    simulation.runFor(5 * SECOND);
    const control = { sent: 0, acks: 0 };
    const ours = new Set<string>();
    simulation.onSend = (from, to, message) => {
      if (message.type === 'lookup' || message.type === 'found') {
        ours.add(`${from.contact.nodeId} ${to.nodeId} ${message.messageId}`);
      } else if (message.type !== 'ack') control.sent += 1;
      else if (!ours.has(`${to.nodeId} ${from.contact.nodeId} ${message.messageId}`)) control.acks += 1;
    };
    const before = new Map(simulation.sent);
    const lookupAcksBefore = simulation.lookupAcks;
    simulation.start(simulation.addPeer(), [anyOf(simulation, simulation.livePeers()).contact]);
    manyLookups(simulation, 300, 5 * SECOND);
    const acks = (simulation.sent.get('ack') ?? 0) - (before.get('ack') ?? 0);
    expect(simulation.lookupAcks - lookupAcksBefore).toBe(ours.size);
    expect(acks - ours.size).toBe(control.acks);
    expect(control.acks).toBeGreaterThan(0);
  });
});

describe('churn', () => {
  it('keeps the population, replaces half of it within the median session, and leaves a ring when it ends', () => {
    const nodes = 150;
    const medianMs = 5 * MINUTE;
    const simulation = grownRing(nodes, { seed: 6 });
    const population = populationOf(simulation);
    const first = new Set(population.all());
    const churn = new Churn(simulation, population, medianMs);
    churn.start();
    for (let minute = 0; minute < 5; minute++) {
      simulation.runFor(MINUTE);
      expect(population.size).toBe(nodes);
      expect(simulation.livePeers()).toHaveLength(nodes);
    }
    const stayed = population.all().filter((peer) => first.has(peer)).length;
    // Four standard deviations of a coin tossed for each.
    expect(Math.abs(stayed - nodes / 2)).toBeLessThan(4 * Math.sqrt(nodes / 4));
    expect(Math.abs(churn.departures - nodes * Math.LN2)).toBeLessThan(4 * Math.sqrt(nodes * Math.LN2));
    expect(simulation.wrongDeliveries).toBe(0);
    churn.stop();
    const { departures } = churn;
    expectConvergence(simulation, MINUTE);
    simulation.runFor(MINUTE);
    expect(churn.departures).toBe(departures);
  });
});
