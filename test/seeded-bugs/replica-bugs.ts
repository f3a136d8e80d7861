/** Mistakes about copies: where they belong, which one stays, when one may be dropped, and what is asked before an answer. */

import type { SeededBug } from './seeded-bug.ts';

const inView = (title: string): SeededBug['caughtBy'] => ({ file: 'test/overlay/replica-view.test.ts', title });
const inSuccession = (title: string): SeededBug['caughtBy'] => ({ file: 'test/wire/succession.test.ts', title });
const inHandOver = (title: string): SeededBug['caughtBy'] => ({ file: 'test/peer/hand-over.test.ts', title });
const inReplication = (title: string): SeededBug['caughtBy'] => ({ file: 'test/peer/replication.test.ts', title });
const inNewest = (title: string): SeededBug['caughtBy'] => ({ file: 'test/peer/newest.test.ts', title });
const inPulls = (title: string): SeededBug['caughtBy'] => ({ file: 'test/peer/pulls.test.ts', title });
const inComparing = (title: string): SeededBug['caughtBy'] => ({ file: 'test/peer/comparing.test.ts', title });

/** Which peers keep a copy. */
export const COPY_PLACEMENT_BUGS: readonly SeededBug[] = [
  {
    name: 'a peer takes the neighbour before the k-th one for the end of its keys',
    file: 'src/overlay/replica-view.ts',
    find: 'clockwise[k - 1]',
    replace: 'clockwise[k - 2]',
    caughtBy: inView('holds exactly the keys'),
  },
  {
    name: 'k nodes besides this one are taken for too few',
    file: 'src/overlay/replica-view.ts',
    find: 'clockwise.length >= k',
    replace: 'clockwise.length > k',
    caughtBy: inView('holds exactly the keys'),
  },
  {
    name: 'whoever does not answer is given up at once, whatever the repair delay',
    file: 'src/overlay/replica-view.ts',
    find: 'this.repairDelayMs > 0 && ',
    replace: 'this.repairDelayMs < 0 && ',
    caughtBy: inView('until the repair delay is over'),
  },
  {
    name: 'whoever left for good is waited for',
    file: 'src/overlay/replica-view.ts',
    find: '!this.live.has(contact.nodeId) && goneIds.has(contact.nodeId)',
    replace: '!this.live.has(contact.nodeId)',
    caughtBy: inView('nobody who has left'),
  },
  {
    name: 'a peer that hands its files over still counts as a holder',
    file: 'src/overlay/replica-view.ts',
    find: 'contacts.filter(({ nodeId }) => !this.leaving.has(nodeId))',
    replace: 'contacts',
    caughtBy: inView('nobody who has left or is about to'),
  },
  {
    name: 'a peer does not notice that it is to hold more keys when only their begin has moved',
    file: 'src/overlay/replica-view.ts',
    find: 'space.clockwise(outer.from, inner.from) + lengthOf(inner) <= lengthOf(outer)',
    replace: 'lengthOf(inner) <= lengthOf(outer)',
    caughtBy: inView('until the repair delay is over'),
  },
];

/** Which of two versions stays. */
export const SUCCESSION_BUGS: readonly SeededBug[] = [
  {
    name: 'a replica takes a lower version',
    file: 'src/wire/succession.ts',
    find: "return mayFollow && compareVersions(record.version, present.version) > 0 ? 'follows' : 'stays';",
    replace: "return mayFollow ? 'follows' : 'stays';",
    caughtBy: inSuccession('of a lower one never'),
  },
  {
    name: 'anybody may overwrite anybody’s file',
    file: 'src/wire/succession.ts',
    find: 'if (present !== undefined && !equalBytes(present.owner, record.owner)) {',
    replace: 'if (present !== undefined && present.replicas < 0) {',
    caughtBy: inSuccession('is refused to others'),
  },
  {
    name: 'the former owner’s leave is not looked for',
    file: 'src/wire/succession.ts',
    find: 'if (!isReleased(present, record) && !(present.shared && carriesOn(present, record))) {',
    replace: 'if (present.replicas < 0) {',
    caughtBy: inSuccession('carries their leave'),
  },
  {
    name: 'leave that was given for another name is taken',
    file: 'src/wire/succession.ts',
    find: 'consent.name === record.name && ',
    replace: '',
    caughtBy: inSuccession('carries their leave'),
  },
  {
    name: 'a record that left the name to nobody is taken for leave',
    file: 'src/wire/succession.ts',
    find: ' && isOpenToOthers(consent)',
    replace: '',
    caughtBy: inSuccession('did not let go'),
  },
  {
    name: 'between two owners who know nothing of each other the one who wrote more often wins',
    file: 'src/wire/succession.ts',
    find: 'const order = compareBytes(claimOf(present), claimOf(record));',
    replace: 'const order = compareVersions(present.version, record.version);',
    caughtBy: inSuccession('whichever came first'),
  },
];

/** When a copy counts, and when it may go. */
export const COPY_KEEPING_BUGS: readonly SeededBug[] = [
  {
    name: 'a copy is dropped before all who should hold it have said that they do',
    file: 'src/peer/hand-over.ts',
    find: 'return records.filter((record, index) => isAsNew(holdings[index], record));',
    replace: 'return records;',
    caughtBy: inHandOver('stay while one of them'),
  },
  {
    name: 'silence is taken for a yes',
    file: 'src/peer/hand-over.ts',
    find: 'return [];',
    replace: 'return records;',
    caughtBy: inHandOver('is silent'),
  },
  {
    name: 'removals are not handed over',
    file: 'src/peer/hand-over.ts',
    find: 'return records.filter((record) => record !== undefined);',
    replace: 'return records.filter((record) => record !== undefined && !record.tombstone);',
    caughtBy: inHandOver('files or removals'),
  },
  {
    name: 'a store goes on with fewer staged copies than were asked for',
    file: 'src/peer/replication.ts',
    find: 'throw await this.#tooFew();',
    replace: 'await this.#tooFew();',
    caughtBy: inReplication('is not done when one of those'),
  },
  {
    name: 'the root’s own commit is not waited for by those who ask',
    file: 'src/peer/replication.ts',
    find: 'await commits.hold(async () => {',
    replace: 'await (async (task: () => Promise<void>) => task())(async () => {',
    caughtBy: inReplication('is waited for by whoever asks'),
  },
  {
    name: 'nobody waits for what is under way',
    file: 'src/peer/barrier.ts',
    find: 'this.#underWay.add(ended);',
    replace: '',
    caughtBy: { file: 'test/peer/barrier.test.ts', title: 'holds whoever asks' },
  },
  {
    name: 'a peer commits although somebody else has become the root',
    file: 'src/peer/replication.ts',
    find: 'await this.#confirmRoot();',
    replace: '',
    caughtBy: inReplication('is the root no more'),
  },
];

/** What a peer knows of what others hold. */
export const COPY_KNOWLEDGE_BUGS: readonly SeededBug[] = [
  {
    name: 'a peer answers from its own directory alone while neighbours may know better',
    file: 'src/peer/newest.ts',
    find: 'const asked = unsureOf.length === 0 ? undefined : await context.inquiry.ask(name, unsureOf);',
    replace: 'const asked = unsureOf.length >= 0 ? undefined : await context.inquiry.ask(name, unsureOf);',
    caughtBy: inNewest('of which this peer is unsure'),
  },
  {
    name: 'a neighbour that does not answer is taken to have nothing',
    file: 'src/peer/newest.ts',
    find: 'if (asked !== undefined) refuseSilence(context, asked.silent);',
    replace: '',
    caughtBy: inNewest('while one of them is silent'),
  },
  {
    name: 'a file is said not to exist while those who would have it are away',
    file: 'src/peer/newest.ts',
    find: "if (newest.where === 'nowhere') refuseAbsence(context, name);",
    replace: '',
    caughtBy: inNewest('enough of those are here'),
  },
  {
    name: 'what there is no room for is forgotten after some attempts',
    file: 'src/peer/pulls.ts',
    find: " && error.code !== 'NO_SPACE')",
    replace: ')',
    caughtBy: inPulls('no room for it'),
  },
  {
    name: 'the end of an older version’s fetch forgets the newer one',
    file: 'src/peer/pulls.ts',
    find: 'if (this.#wanted.get(wanted.name) === wanted) this.#wanted.delete(wanted.name);',
    replace: 'this.#wanted.delete(wanted.name);',
    caughtBy: inPulls('is fetched after the one that is under way'),
  },
  {
    name: 'ranges with as many names on both sides are taken for alike',
    file: 'src/peer/comparing.ts',
    find: 'theirs.count === own.count && equalBytes(theirs.digest, own.digest)',
    replace: 'theirs.count === own.count',
    caughtBy: inComparing('finds whatever the other has'),
  },
  {
    name: 'of a full page of names the rest is not asked for',
    file: 'src/peer/comparing.ts',
    find: `more = page.more;
    after = last?.name ?? '';`,
    replace: `more = false;
    after = last?.name ?? '';`,
    caughtBy: inComparing('to the last'),
  },
];
