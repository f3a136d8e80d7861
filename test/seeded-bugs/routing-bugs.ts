/** Mistakes about where keys belong and where messages go. */

import { scenario, nextHop, forwarding, leafSet, pastry, ringProperties, type SeededBug } from './seeded-bug.ts';

/** Where keys belong. */
export const PLACEMENT_BUGS: readonly SeededBug[] = [
  {
    name: 'the range of the leaf set is tested as from ≤ key ≤ to, which fails at the wrap',
    file: 'src/overlay/leaf-set.ts',
    find: 'return this.space.clockwise(from.nodeId, position) <= this.space.clockwise(from.nodeId, to.nodeId);',
    replace: 'return from.nodeId <= position && position <= to.nodeId;',
    caughtBy: leafSet('covers a position exactly'),
  },
  {
    name: 'ties go counterclockwise',
    file: 'src/id/id-space.ts',
    find: 'this.clockwise(key, a) - this.clockwise(key, b)',
    replace: 'this.clockwise(a, key) - this.clockwise(b, key)',
    caughtBy: pastry('a tie goes to the clockwise one'),
  },
  {
    name: 'placement breaks ties otherwise than routing does',
    file: 'src/overlay/pastry.ts',
    find: 'members.toSorted((a, b) => this.compare(key, a.nodeId, b.nodeId))',
    replace:
      'members.toSorted((a, b) => this.space.distance(a.nodeId, key) - this.space.distance(b.nodeId, key) || a.nodeId - b.nodeId)',
    caughtBy: scenario('ties'),
  },
  {
    name: 'the middle between two nodes belongs to the counterclockwise one in intervals',
    file: 'src/overlay/pastry.ts',
    find: 'Math.ceil(space.clockwise(self, successor) / 2)',
    replace: 'Math.floor(space.clockwise(self, successor) / 2) + 1',
    caughtBy: pastry('the intervals of all nodes'),
  },
  {
    name: 'a replica set is guessed where the leaf set does not reach',
    file: 'src/overlay/ownership.ts',
    find: 'return core.leafSet.reaches(key, distance) ? nodes : undefined;',
    replace: 'return core.leafSet.reaches(key, 0) || distance > 0 ? nodes : undefined;',
    caughtBy: ringProperties('a replica set is the k closest'),
  },
  {
    name: 'replica sets larger than half a leaf set are named (k > l)',
    file: 'src/overlay/ownership.ts',
    find: 'k > core.parameters.leafSetHalf || ',
    replace: '',
    caughtBy: ringProperties('a replica set is the k closest'),
  },
];

/** Where messages go. */
export const ROUTING_BUGS: readonly SeededBug[] = [
  {
    name: 'the rare case takes whoever is nearest, without its two conditions',
    file: 'src/overlay/next-hop.ts',
    find: 'if (geometry.progresses(self, node.nodeId, key)) best = node;',
    replace: 'best = node;',
    caughtBy: nextHop('makes progress and avoids the suspected'),
  },
  {
    name: 'the rare case may lose digits, so that messages circle',
    file: 'src/overlay/pastry.ts',
    find: 'space.sharedDigits(candidate, key) >= space.sharedDigits(self, key)',
    replace: 'space.sharedDigits(candidate, key) >= 0',
    caughtBy: pastry('a step towards a key'),
  },
  {
    name: 'suspected table entries are still routed through',
    file: 'src/overlay/next-hop.ts',
    find: "entry?.state === 'live' && entry.nodeId !== except",
    replace: 'entry !== undefined && entry.nodeId !== except',
    caughtBy: nextHop('makes progress and avoids the suspected'),
  },
  {
    name: 'a copy of a lookup is routed once more',
    file: 'src/overlay/duplicates.ts',
    find: 'if (this.recent?.has(request) === true || this.older?.has(request) === true) return false;',
    replace: '',
    caughtBy: scenario('copies'),
  },
  {
    name: 'what circles circles for ever: there is no hop limit',
    file: 'src/overlay/forwarding.ts',
    find: 'if (message.path.length >= core.parameters.hopLimit) {',
    replace: 'if (message.path.length < 0) {',
    caughtBy: forwarding('is dropped if it has been through as many'),
  },
  {
    name: 'an answer that is lost is not repeated',
    file: 'src/overlay/forwarding.ts',
    find: 'if (tries < ANSWER_TRIES) this.answer(to, message, tries + 1);',
    replace: '',
    caughtBy: forwarding('is answered again until the origin'),
  },
  {
    name: 'a hop that does not acknowledge is not gone around',
    file: 'src/overlay/forwarding.ts',
    find: 'this.liveness.suspect(node);',
    replace: '',
    caughtBy: scenario('root-dies'),
  },
  {
    name: 'timeouts are fixed whatever was measured',
    file: 'src/overlay/round-trip.ts',
    find: 'if (roundTrip.smoothedMs < 0) return parameters.ackTimeoutInitialMs;',
    replace: 'if (roundTrip.smoothedMs < 1e9) return parameters.ackTimeoutInitialMs;',
    caughtBy: { file: 'test/overlay/parts.test.ts', title: 'follows the measured round trips' },
  },
  {
    name: 'row i of a joiner is taken from hop i, although hops skip digits',
    file: 'src/overlay/row-supply.ts',
    find: 'for (let row = message.rowsSupplied; row <= shared; row++) {',
    replace: 'for (let row = message.hops - 1; row < message.hops; row++) {',
    caughtBy: { file: 'test/sim/costs.test.ts', title: 'brings every row that the hops' },
  },
];
