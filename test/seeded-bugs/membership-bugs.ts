/** Mistakes about who may deliver, who is alive, and who stands in the tables. */

import { scenario, leafSet, wholeRings, type SeededBug } from './seeded-bug.ts';

/** Who delivers. */
export const DELIVERY_BUGS: readonly SeededBug[] = [
  {
    name: 'a node answers for keys while it is still joining',
    file: 'src/overlay/ownership.ts',
    find: "this.core.state === 'active' && ",
    replace: '',
    caughtBy: scenario('cold-start'),
  },
  {
    name: 'a key is answered for while a closer node is merely suspected',
    file: 'src/overlay/ownership.ts',
    find: 'for (const node of this.core.leafSet.members()) if (this.isCloser(node, key)) return true;',
    replace:
      "for (const node of this.core.leafSet.members()) if (node.state === 'live' && this.isCloser(node, key)) return true;",
    caughtBy: scenario('slow-root'),
  },
  {
    name: 'a key is answered for while a closer newcomer stands at the door',
    file: 'src/overlay/acquaintance.ts',
    find: 'node = core.learn(from);\n      node.heard = true;',
    replace: 'node = core.learn(from);',
    caughtBy: { file: 'test/overlay/ownership.test.ts', title: 'a closer newcomer at the door' },
  },
  {
    name: 'a joiner is active before all its leaves have answered',
    file: 'src/overlay/join.ts',
    find: 'for (const node of core.candidates) if (node.forLeafSet) return false;',
    replace: '',
    caughtBy: { file: 'test/sim/schedule.test.ts', title: 'nobody but the root ever delivers' },
  },
  {
    name: 'who finds nobody founds a ring of its own',
    file: 'src/overlay/join.ts',
    find: 'this.isClosed() && (isLowest || anyone) && ',
    replace: '',
    caughtBy: scenario('seed-down'),
  },
];

/** Who is alive, and who is in the tables. */
export const LIVENESS_BUGS: readonly SeededBug[] = [
  {
    name: 'a suspected leaf keeps its place, so that its death leaves a gap',
    file: 'src/overlay/leaf-set.ts',
    find: "if (node.state !== 'suspected') usable += 1;",
    replace: 'usable += 1;',
    caughtBy: leafSet('takes in the next one beyond'),
  },
  {
    name: 'a short leaf set is taken for a small ring',
    file: 'src/overlay/leaf-set.ts',
    find: 'return (clockwise.length === 0 && counterclockwise.length === 0) || this.overlaps();',
    replace: 'return true;',
    caughtBy: leafSet('takes a short half for a gap'),
  },
  {
    name: 'nodes that were merely told of enter the leaf set',
    file: 'src/overlay/hearsay.ts',
    find: 'this.liveness.probe(node, forLeafSet, this.core.parameters.hearsayTimeoutsMs);',
    replace:
      "this.core.candidates.delete(node);\n    node.state = 'live';\n    if (forLeafSet) this.placement.insertLeaf(node);",
    caughtBy: scenario('hearsay'),
  },
  {
    name: 'if A reaches B and B reaches C, A is thought to reach C',
    file: 'src/overlay/hearsay.ts',
    find: 'this.liveness.probe(node, forLeafSet, this.core.parameters.hearsayTimeoutsMs);',
    replace:
      "if (this.core.state !== 'active') return this.liveness.probe(node, forLeafSet);\n    this.core.candidates.delete(node);\n    node.state = 'live';\n    if (forLeafSet) this.placement.insertLeaf(node);",
    caughtBy: scenario('hearsay'),
  },
  {
    name: "another's word that a node is dead is believed",
    file: 'src/overlay/acquaintance.ts',
    find: 'if (node.heardAt <= at) this.liveness.doubt(node, contacts);',
    replace: 'this.lose(node, { remember: true });',
    caughtBy: scenario('neighbours-cut-off'),
  },
  {
    name: 'one missed probe is a death',
    file: 'src/overlay/liveness.ts',
    find: 'let timeoutMs = timeoutsMs[probe.attempt];',
    replace: 'let timeoutMs: number | undefined;',
    caughtBy: scenario('slow-root'),
  },
  {
    name: 'a connection that closes is a death',
    file: 'src/overlay/liveness.ts',
    find: 'this.suspect(node);\n    const deadline',
    replace: 'this.ports.died(node);\n    const deadline',
    caughtBy: scenario('connection-closes'),
  },
  {
    name: 'a process that slept blames the others for its own silence',
    file: 'src/overlay/core.ts',
    find: 'if (!(lateMs > this.parameters.stallMs)) return;',
    replace: 'if (lateMs < Infinity) return;',
    caughtBy: scenario('sleeper'),
  },
  {
    name: 'two rings stay two after a partition: nobody who is gone is probed again',
    file: 'src/overlay/remembered.ts',
    find: 'return best[randomBelow(this.core.random, best.length)];',
    replace: 'return undefined;',
    caughtBy: scenario('partition'),
  },
  {
    name: 'the dead return by hearsay',
    file: 'src/overlay/remembered.ts',
    find: 'if (memory === undefined || memory.believedFrom <= this.core.now) return false;',
    replace: 'if (memory === undefined || memory.failures > 0) return false;',
    caughtBy: scenario('dead-do-not-return'),
  },
  {
    name: 'a peer that left for good is looked for by those it told',
    file: 'src/overlay/overlay-node.ts',
    find: 'remember: !message.forGood, goodbye',
    replace: 'remember: true, goodbye',
    caughtBy: scenario('leave-for-good'),
  },
  {
    name: 'the addresses first known are kept for ever',
    file: 'src/overlay/overlay-node.ts',
    find: 'node.contact = from;',
    replace: '',
    caughtBy: scenario('killed-and-moved-at-once'),
  },
  {
    name: 'the earlier holder of an id keeps it',
    file: 'src/overlay/acquaintance.ts',
    find: 'if (from.serial <= known.contact.serial) return false;',
    replace: 'if (from.serial >= known.contact.serial) return false;',
    caughtBy: { file: 'test/overlay/overlay-node.test.ts', title: 'the earlier one is not listened to' },
  },
  {
    name: 'a death is broadcast by all who notice it to all they know',
    file: 'src/overlay/death-news.ts',
    find: "for (const node of receivers) if (node.state === 'live') core.send(node, message);",
    replace: 'for (const node of core.known.values()) core.send(node, message);',
    caughtBy: { file: 'test/sim/costs.test.ts', title: 'settles a death with a few messages' },
  },
  {
    name: 'periods are not jittered',
    file: 'src/overlay/core.ts',
    find: 'return ms * (1 - this.parameters.jitter * this.random());',
    replace: 'return ms;',
    caughtBy: { file: 'test/sim/costs.test.ts', title: 'does nothing in step' },
  },
  {
    name: 'word of a death is dropped because its subject was heard just now',
    file: 'src/overlay/acquaintance.ts',
    find: 'if (node.heardAt <= at)',
    replace: 'if (core.now - node.heardAt > 1_500)',
    caughtBy: wholeRings('in whatever order news comes'),
  },
  {
    name: 'old word of a death is believed of a node that was heard since',
    file: 'src/overlay/acquaintance.ts',
    find: 'if (node.heardAt <= at)',
    replace: 'if (at > -Infinity)',
    caughtBy: { file: 'test/overlay/overlay-node.test.ts', title: 'was heard since' },
  },
  {
    name: 'nobody tells those across a gap who is dead',
    file: 'src/overlay/repair.ts',
    find: 'this.news.tellAcross();',
    replace: '',
    caughtBy: wholeRings('in whatever order news comes'),
  },
  {
    name: 'a table entry that stands between two leaves is left out',
    file: 'src/overlay/overlay-node.ts',
    find: 'this.hearsay.considerTable();',
    replace: '',
    caughtBy: wholeRings('in whatever order news comes'),
  },
  {
    name: 'who is displaced while being probed is forgotten',
    file: 'src/overlay/placement.ts',
    find: 'if (node.probe === undefined) {',
    replace: 'if (node.inTable) {',
    caughtBy: wholeRings('in whatever order news comes'),
  },
  {
    name: 'a lost half is relied upon as soon as anybody stands in it',
    file: 'src/overlay/repair.ts',
    find: 'this.lostHalves.pending || ',
    replace: '',
    caughtBy: wholeRings('leaves no gap that is not seen'),
  },
  {
    name: 'a lost half is taken for closed by its first member',
    file: 'src/overlay/lost-halves.ts',
    find: 'if (between.length === 0) this.sides.delete(side);',
    replace: 'this.sides.delete(side);',
    caughtBy: wholeRings('leaves no gap that is not seen'),
  },
  {
    name: 'whoever knocks and never answers is waited for, again and again',
    file: 'src/overlay/remembered.ts',
    find: '>= UNECHOED_MAX;',
    replace: '>= Infinity;',
    caughtBy: { file: 'test/overlay/ownership.test.ts', title: 'is not waited for any more' },
  },
  {
    name: 'a member of the other half is waited for in a lost one, where it is already known',
    file: 'src/overlay/lost-halves.ts',
    find: 'if (member?.inLeafSet === true) this.ask(member);',
    replace: '',
    caughtBy: wholeRings('as soon as they are one ring again'),
  },
];
