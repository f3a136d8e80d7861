/** The simulated network does what its options say: distances, delays, loss, copies, detours, and who reaches whom. */

import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { DEFAULT_NETWORK_OPTIONS, NetworkModel, type NetworkOptions } from '../../src/sim/network-model.ts';
import { bridged, muted, parted } from '../../src/sim/partition.ts';
import type { SimulatedPeer } from '../../src/sim/simulated-peer.ts';
import { Simulation } from '../../src/sim/simulation.ts';
import { grownRing } from './ring.ts';

const MESSAGES = 20_000;
const CORNER = { x: 0, y: 0 };
const OPPOSITE = { x: 1, y: 1 };

function network(options: Partial<NetworkOptions>, seed = 1): NetworkModel {
  return new NetworkModel({ ...DEFAULT_NETWORK_OPTIONS, ...options }, seededRandom(seed));
}

/** Four standard deviations of a share counted over so many messages. */
function tolerance(share: number): number {
  return 4 * Math.sqrt((share * (1 - share)) / MESSAGES);
}

describe('distances', () => {
  it('are straight on the plane, and the shorter way round on the torus, as shares of the greatest', () => {
    const plane = network({ surface: 'plane' });
    const torus = network({ surface: 'torus' });
    expect(plane.distance(CORNER, OPPOSITE)).toBeCloseTo(1);
    expect(torus.distance(CORNER, OPPOSITE)).toBeCloseTo(0);
    expect(plane.distance({ x: 0.1, y: 0.5 }, { x: 0.9, y: 0.5 })).toBeCloseTo(0.8 / Math.SQRT2);
    expect(torus.distance({ x: 0.1, y: 0.5 }, { x: 0.9, y: 0.5 })).toBeCloseTo(0.2 / Math.SQRT1_2);
    expect(torus.distance(CORNER, { x: 0.5, y: 0.5 })).toBeCloseTo(1);
  });

  it('make the delay, but for a bounded jitter', () => {
    const model = network({ baseDelayMs: 1, spanDelayMs: 50, delayJitter: 0.1 });
    for (let i = 0; i < 100; i++) {
      const [near] = model.delays(CORNER, CORNER);
      const [far] = model.delays(CORNER, OPPOSITE);
      expect(near).toBeGreaterThanOrEqual(1);
      expect(near).toBeLessThanOrEqual(1.1);
      expect(far).toBeGreaterThanOrEqual(51);
      expect(far).toBeLessThanOrEqual(51 * 1.1);
    }
  });
});

describe('what becomes of a message', () => {
  it('is arrival exactly once, unless loss or duplication is asked for', () => {
    const model = network({});
    for (let i = 0; i < 1_000; i++) expect(model.delays(CORNER, OPPOSITE)).toHaveLength(1);
  });

  it.each([0.01, 0.2])('is loss at the rate of %f', (loss) => {
    const model = network({ loss });
    let lost = 0;
    for (let i = 0; i < MESSAGES; i++) if (model.delays(CORNER, OPPOSITE).length === 0) lost += 1;
    expect(Math.abs(lost / MESSAGES - loss)).toBeLessThan(tolerance(loss));
  });

  it('is a second copy at the rate of duplication', () => {
    const model = network({ duplication: 0.05 });
    let doubled = 0;
    for (let i = 0; i < MESSAGES; i++) if (model.delays(CORNER, OPPOSITE).length === 2) doubled += 1;
    expect(Math.abs(doubled / MESSAGES - 0.05)).toBeLessThan(tolerance(0.05));
  });

  it('is a detour at the rate of reordering, by which later messages overtake it', () => {
    const model = network({ reordering: 0.1, detourDelayMs: 1_000, delayJitter: 0 });
    const delays = Array.from({ length: MESSAGES }, () => model.delays(CORNER, OPPOSITE)[0] ?? NaN);
    const detours = delays.filter((delay) => delay > 51).length;
    expect(Math.abs(detours / MESSAGES - 0.1)).toBeLessThan(tolerance(0.1));
    expect(Math.max(...delays)).toBeLessThan(1_051);
    // Sent 1 ms apart, on one way that never varies but for the detours.
    expect(delays.some((delay, i) => i > 0 && i - 1 + (delays[i - 1] ?? 0) > i + delay)).toBe(true);
  });
});

describe('a partition', () => {
  const simulation = new Simulation({ seed: 1 });
  const [a, b, c] = [simulation.addPeer(), simulation.addPeer(), simulation.addPeer()] as const;
  const of = (...peers: SimulatedPeer[]) => new Set(peers);

  it('of two sides carries nothing from one to the other', () => {
    const reaches = parted(of(a));
    expect([reaches(a, b), reaches(b, a)]).toEqual([false, false]);
    expect([reaches(b, c), reaches(a, a)]).toEqual([true, true]);
  });

  it('with a bridge leaves that reachable from both sides', () => {
    const reaches = bridged(of(a), of(c));
    expect([reaches(a, b), reaches(b, a)]).toEqual([false, false]);
    expect([reaches(a, c), reaches(c, a), reaches(b, c), reaches(c, b)]).toEqual([true, true, true, true]);
  });

  it('of one direction carries the other, message by message', () => {
    const reaches = muted(of(a));
    expect([reaches(a, b), reaches(b, a), reaches(b, c)]).toEqual([false, true, true]);
    for (const heard of [true, false]) {
      const ring = grownRing(2, { seed: 2 });
      const [first, second] = ring.livePeers() as [SimulatedPeer, SimulatedPeer];
      ring.reaches = muted(of(heard ? first : second));
      ring.stop(second);
      ring.runFor(200);
      // Its goodbye is heard at once, or not at all.
      expect(first.node.leafSet()).toHaveLength(heard ? 0 : 1);
    }
  });
});
