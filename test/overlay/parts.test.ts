import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomBelow, seededRandom } from '../../src/base/random.ts';
import type { NodeId } from '../../src/id/id-space.ts';
import { Deadlines, type Deadline } from '../../src/overlay/deadlines.ts';
import { Duplicates } from '../../src/overlay/duplicates.ts';
import { checkOverlayParameters, DEFAULT_OVERLAY_PARAMETERS } from '../../src/overlay/parameters.ts';
import { PastryGeometry } from '../../src/overlay/pastry.ts';
import { ackTimeout, addSample } from '../../src/overlay/round-trip.ts';
import { RoutingTable } from '../../src/overlay/routing-table.ts';
import { EventHeap } from '../../src/sim/event-heap.ts';
import { liveNode } from './helpers.ts';

describe('Deadlines', () => {
  it('runs what is due, in order, and nothing that was cancelled', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat(1_000), cancel: fc.boolean() }), { maxLength: 300 }),
        fc.nat(1_000),
        (plan, now) => {
          const deadlines = new Deadlines();
          const ran: number[] = [];
          const set: Deadline[] = plan.map(({ at }) => deadlines.set(at, () => ran.push(at)));
          plan.forEach(({ cancel }, index) => {
            if (cancel) deadlines.cancel(set[index]);
          });
          deadlines.runDue(now);
          const live = plan
            .filter(({ cancel }) => !cancel)
            .map(({ at }) => at)
            .sort((a, b) => a - b);
          expect(ran).toEqual(live.filter((at) => at <= now));
          expect(deadlines.next()).toBe(live.find((at) => at > now) ?? Infinity);
        },
      ),
    );
  });
});

describe('EventHeap', () => {
  it('gives events back by time, and in the order of planning at one time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (times) => {
        const heap = new EventHeap<number>();
        times.forEach((at, index) => {
          heap.push(at, index);
        });
        const expected = times.map((_, index) => index).sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
        expect(times.map(() => heap.pop())).toEqual(expected);
        expect(heap.pop()).toBeUndefined();
      }),
    );
  });
});

describe('the timeout of a hop', () => {
  it('follows the measured round trips within its bounds', () => {
    const p = DEFAULT_OVERLAY_PARAMETERS;
    const roundTrip = { smoothedMs: -1, deviationMs: 0 };
    expect(ackTimeout(roundTrip, p)).toBe(p.ackTimeoutInitialMs);
    for (let i = 0; i < 50; i++) addSample(roundTrip, 1);
    expect(ackTimeout(roundTrip, p)).toBe(p.ackTimeoutFloorMs);
    for (let i = 0; i < 50; i++) addSample(roundTrip, 200);
    expect(ackTimeout(roundTrip, p)).toBeGreaterThan(200);
    expect(ackTimeout(roundTrip, p)).toBeLessThan(p.ackTimeoutCapMs);
    for (let i = 0; i < 50; i++) addSample(roundTrip, 5_000);
    expect(ackTimeout(roundTrip, p)).toBe(p.ackTimeoutCapMs);
  });
});

describe('Duplicates', () => {
  it('knows a copy for as long as a lookup may live, tells origins apart, and forgets in the end', () => {
    const { duplicateMemoryMs } = DEFAULT_OVERLAY_PARAMETERS;
    const duplicates = new Duplicates(DEFAULT_OVERLAY_PARAMETERS);
    expect(duplicates.add(1 as NodeId, 7, 0)).toBe(true);
    expect(duplicates.add(2 as NodeId, 7, 0)).toBe(true);
    expect(duplicates.add(1 as NodeId, 7, duplicateMemoryMs - 1)).toBe(false);
    expect(duplicates.add(1 as NodeId, 7, duplicateMemoryMs + 1)).toBe(false);
    expect(duplicates.add(1 as NodeId, 7, 4 * duplicateMemoryMs)).toBe(true);
  });
});

describe('RoutingTable', () => {
  it('keeps every node in the slot of its prefix, and gives a taken slot only to a clearly nearer one', () => {
    const geometry = new PastryGeometry(16);
    const table = new RoutingTable(geometry, 0x1234 as NodeId);
    const random = seededRandom(1);
    for (let i = 0; i < 2_000; i++) {
      const node = liveNode(randomBelow(random, geometry.space.size));
      if (node.nodeId === 0x1234) continue;
      node.smoothedMs = 1 + random() * 100;
      const holder = table.holder(node.nodeId);
      const { entered, replaced } = table.offer(node);
      if (holder === undefined) expect(entered).toBe(true);
      else expect(entered).toBe(node.smoothedMs < holder.smoothedMs * 0.9);
      expect(replaced).toBe(entered ? holder : undefined);
    }
    for (let row = 0; row < 4; row++) {
      for (const node of table.row(row)) expect(geometry.row(0x1234 as NodeId, node.nodeId)).toBe(row);
    }
    expect(table.size()).toBe([...table.entries()].length);
  });
});

describe('parameters', () => {
  it('hold to their relations by default, and are refused when they do not', () => {
    checkOverlayParameters(DEFAULT_OVERLAY_PARAMETERS);
    const wrong = [
      { silenceMs: 1_000 },
      { probeTimeoutsMs: [100] },
      { leafSetHalf: 17 },
      { hopLimit: 100 },
      { ackTimeoutCapMs: 1 },
    ];
    for (const change of wrong) {
      expect(() => {
        checkOverlayParameters({ ...DEFAULT_OVERLAY_PARAMETERS, ...change });
      }).toThrow();
    }
  });
});
