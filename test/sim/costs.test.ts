/** What a ring costs: messages for a death, and that nodes which started together do not act together. */

import { describe, expect, it } from 'vitest';
import type { NodeId } from '../../src/id/id-space.ts';
import { anyOf, expectConvergence, grownRing } from './ring.ts';

const SECOND = 1_000;
const MESSAGES_PER_LEAF_MAX = 30;
const GAINING_MIN = 0.9;
const SPREAD_MIN_MS = 200;

describe('joining', () => {
  it('brings every row that the hops on its way have, though they skip digits: each first hop gains one', () => {
    const even = Array.from({ length: 256 }, (_, i) => i * 0x100);
    const simulation = grownRing(even.length, { seed: 33, parameters: { leafSetHalf: 2 } }, even);
    const joiner = simulation.addPeer(0x8001 as NodeId);
    const { space } = simulation;
    const hop = simulation.peer(0x8000 as NodeId);
    simulation.start(joiner, [hop.contact]); // one hop, and it shares three digits
    simulation.runFor(2 * SECOND);
    let gained = 0;
    const entries = hop.node.tableContacts().map(({ nodeId }) => nodeId);
    for (const entry of entries) {
      const row = space.sharedDigits(entry, joiner.contact.nodeId);
      simulation.lookup(joiner, entry, ({ path: [, first] }) => {
        if (first !== undefined && space.sharedDigits(first, entry) > row) gained += 1;
      });
    }
    simulation.runFor(5 * SECOND);
    expect(entries.length).toBeGreaterThan(20);
    expect(gained / entries.length).toBeGreaterThan(GAINING_MIN);
  });
});

describe('a ring of sixty', () => {
  it('settles a death with a few messages for each leaf, however many lookups miss it', () => {
    const simulation = grownRing(60, { seed: 31 });
    simulation.runFor(120 * SECOND);
    const victim = anyOf(simulation, simulation.livePeers());
    const key = victim.contact.nodeId;
    const countControl = (): number =>
      [...simulation.sent].reduce((sum, [type, n]) => (type === 'lookup' || type === 'ack' ? sum : sum + n), 0);
    const spent = (run: () => void): number => {
      const before = countControl();
      run();
      return countControl() - before;
    };
    const quiet = spent(() => simulation.runFor(20 * SECOND));
    const death = spent(() => {
      simulation.kill(victim);
      for (const peer of simulation.livePeers()) simulation.lookup(peer, key, () => undefined);
      simulation.runFor(20 * SECOND);
    });
    const leaves = 2 * simulation.parameters.leafSetHalf;
    expect(death - quiet).toBeLessThan(MESSAGES_PER_LEAF_MAX * leaves);
    expectConvergence(simulation, 0);
  });

  it('does nothing in step: nodes that beat together soon beat apart', () => {
    const simulation = grownRing(60, { seed: 32 });
    simulation.runFor(10 * SECOND);
    const beats = new Map<number, number[]>();
    simulation.onSend = ({ contact }, _, message) => {
      if (message.type !== 'heartbeat') return;
      const times = beats.get(contact.nodeId) ?? [];
      beats.set(contact.nodeId, [...times, simulation.now]);
    };
    simulation.runFor(60 * SECOND);
    for (const times of beats.values()) {
      const periods = times.slice(1).map((time, i) => time - (times[i] ?? 0));
      expect(Math.max(...periods) - Math.min(...periods)).toBeGreaterThan(SPREAD_MIN_MS);
    }
    expect(beats.size).toBeGreaterThan(50);
  });
});
