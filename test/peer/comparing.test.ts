import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { slotOfName, SLOT_COUNT, type SlotRange } from '../../src/id/key.ts';
import type { StreamPool } from '../../src/net/stream-pool.ts';
import { Barrier } from '../../src/peer/barrier.ts';
import { differences, replicaCountsOf } from '../../src/peer/comparing.ts';
import type { FileContext } from '../../src/peer/file-context.ts';
import { answerCompare, answerEntries } from '../../src/peer/serve-holdings.ts';
import type { StorageDirectory } from '../../src/store/storage-directory.ts';
import type { ContactReader } from '../../src/wire/contact.ts';
import type { SignedRecord } from '../../src/wire/record.ts';
import type { Entry, ReplicaAnswer, ReplicaRequest } from '../../src/wire/replica.ts';
import { NAMES_WITH_ONE_KEY } from '../e2e/harness/same-key.ts';
import { contactOf } from '../overlay/helpers.ts';
import { recordOf, temporaryDirectory, withStorage } from '../store/samples.ts';
import { makeNetwork } from '../wire/signing.ts';
import { answeringStreams } from './fake-streams.ts';

const WHOLE: SlotRange = { from: 0, to: 0 };
const K = 3;
/** Of ranges with no more names than this the names are listed. */
const LISTED_MAX = 8;
const COMPARES_MAX = 3;

let reader: ContactReader;
beforeAll(async () => {
  ({ reader } = await makeNetwork());
});

/** A peer with a storage directory, asked as over the network. */
class Member {
  requests = 0;
  readonly streams: StreamPool;
  readonly #context: FileContext;

  constructor(storage: StorageDirectory) {
    this.#context = { storage, commits: new Barrier(), absence: { wasTooLong: false } } as unknown as FileContext;
    this.streams = answeringStreams(reader, (request) => this.#answerTo(request));
  }

  #answerTo(request: ReplicaRequest): Promise<ReplicaAnswer> {
    this.requests++;
    if (request.type === 'compare') return answerCompare(this.#context, request);
    if (request.type === 'entries') return answerEntries(this.#context, request);
    throw new Error(`a ${request.type} is no comparison`);
  }
}

type Pair = { readonly mine: StorageDirectory; readonly theirs: StorageDirectory; readonly member: Member };

function withPair(use: (pair: Pair) => Promise<void>): Promise<void> {
  return temporaryDirectory((path) =>
    withStorage(`${path}/mine`, (mine) =>
      withStorage(`${path}/theirs`, (theirs) => use({ mine, theirs, member: new Member(theirs) })),
    ),
  );
}

/** Records without content are as good as any here. */
function removal(name: string, counter = 1, replicas = K): SignedRecord {
  return recordOf(name, counter, new Uint8Array(0), { tombstone: true, replicas });
}

async function hold(storage: StorageDirectory, records: readonly SignedRecord[]): Promise<void> {
  await Promise.all(records.map((record) => storage.commitTombstone(record)));
}

async function found({ mine, member }: Pair, range = WHOLE, replicas = K): Promise<Entry[]> {
  const entries: Entry[] = [];
  const parts = { storage: mine, streams: member.streams };
  for await (const entry of differences(parts, contactOf(1), replicas, range)) entries.push(entry);
  return entries;
}

function lies(name: string, { from, to }: SlotRange): boolean {
  const distance = (slotOfName(name) - from + SLOT_COUNT) % SLOT_COUNT;
  return from === to || distance < (to - from + SLOT_COUNT) % SLOT_COUNT;
}

const told = ({ name, holding }: Entry) =>
  `${name} ${String(holding.version.counter)} ${Buffer.from(holding.version.tag).toString('hex')}`;

describe('a comparison', () => {
  it('finds whatever the other has, of that stretch, that is not here or in another version', async () => {
    const place = fc.constantFrom('both', 'mine', 'theirs', 'mine older', 'theirs older');
    const names = fc.oneof(
      fc.integer({ min: 1, max: 400 }).map((count) => Array.from({ length: count }, (_, i) => `file ${String(i)}`)),
      fc.constant(NAMES_WITH_ONE_KEY),
    );
    const slot = fc.oneof(fc.nat(SLOT_COUNT - 1), fc.constantFrom(0, slotOfName(NAMES_WITH_ONE_KEY[0] ?? '')));
    const range = fc.oneof(fc.constant(WHOLE), fc.record({ from: slot, to: slot }));
    const world = names.chain((all) =>
      fc.tuple(fc.array(fc.tuple(fc.constantFrom(...all), place, fc.constantFrom(2, K)), { maxLength: 400 }), range),
    );
    await fc.assert(
      fc.asyncProperty(world, ([items, stretch]) =>
        withPair(async (pair) => {
          const byName = new Map(items.map(([name, ...rest]) => [name, rest] as const));
          const [mine, theirs]: [SignedRecord[], SignedRecord[]] = [[], []];
          for (const [name, [where, replicas]] of byName) {
            const [older, newer] = [removal(name, 1, replicas), removal(name, 2, replicas)];
            if (where !== 'theirs') mine.push(where === 'mine older' ? older : newer);
            if (where !== 'mine') theirs.push(where === 'theirs older' ? older : newer);
            if (where === 'both') theirs[theirs.length - 1] = newer;
          }
          await Promise.all([hold(pair.mine, mine), hold(pair.theirs, theirs)]);
          const yielded = await found(pair, stretch);
          const known = new Set(mine.map(({ envelope }) => Buffer.from(envelope).toString('hex')));
          const wanted = theirs
            .filter(({ name, replicas }) => replicas === K && lies(name, stretch))
            .filter(({ envelope }) => !known.has(Buffer.from(envelope).toString('hex')))
            .map((record) => told({ name: record.name, holding: record }));
          expect(yielded.map(told)).toEqual(expect.arrayContaining(wanted));
          const theirsTold = new Set(theirs.map((record) => told({ name: record.name, holding: record })));
          for (const entry of yielded) {
            expect(theirsTold.has(told(entry))).toBe(true);
            expect(lies(entry.name, stretch) && entry.holding.replicas === K).toBe(true);
          }
          expect(new Set(yielded.map(told)).size).toBe(yielded.length);
        }),
      ),
      { numRuns: 25 },
    );
  });

  it('of directories that are alike takes one question, however much they hold', () =>
    withPair(async (pair) => {
      const records = Array.from({ length: 1500 }, (_, index) => removal(`file ${String(index)}`));
      await Promise.all([hold(pair.mine, records), hold(pair.theirs, records)]);
      expect(await found(pair)).toEqual([]);
      expect(pair.member.requests).toBe(1);
    }));

  it('of directories with few differences lists few names', () =>
    withPair(async (pair) => {
      const shared = Array.from({ length: 3000 }, (_, index) => removal(`file ${String(index)}`));
      const only = Array.from({ length: 4 }, (_, index) => removal(`only there ${String(index)}`));
      await Promise.all([hold(pair.mine, shared), hold(pair.theirs, [...shared, ...only])]);
      const entries = await found(pair);
      expect(entries.map(({ name }) => name)).toEqual(expect.arrayContaining(only.map(({ name }) => name)));
      expect(entries.length).toBeLessThanOrEqual(only.length * LISTED_MAX);
      expect(pair.member.requests).toBeLessThanOrEqual(COMPARES_MAX + only.length);
    }));

  it('asks nothing more where only this peer has more', () =>
    withPair(async (pair) => {
      const shared = Array.from({ length: 5 }, (_, index) => removal(`file ${String(index)}`));
      await hold(pair.mine, shared);
      expect(await found(pair)).toEqual([]);
      expect(pair.member.requests).toBe(1);
    }));

  it('lists a slot with more names than fit a page, to the last', () =>
    withPair(async (pair) => {
      await hold(
        pair.theirs,
        NAMES_WITH_ONE_KEY.map((name) => removal(name)),
      );
      const slot = slotOfName(NAMES_WITH_ONE_KEY[0] ?? '');
      for (const range of [WHOLE, { from: slot, to: (slot + 1) % SLOT_COUNT }, { from: slot, to: slot }]) {
        const names = (await found(pair, range)).map(({ name }) => name);
        expect(names.toSorted()).toEqual(NAMES_WITH_ONE_KEY.toSorted());
      }
      expect(await found(pair, { from: (slot + 1) % SLOT_COUNT, to: slot })).toEqual([]);
    }));
});

it('the numbers of copies that the other has files for are asked for first', () =>
  withPair(async ({ mine, theirs, member }) => {
    await hold(theirs, [removal('a', 1, 5), removal('b', 1, 2)]);
    await hold(mine, [removal('c', 1, 7)]);
    expect(await replicaCountsOf({ storage: mine, streams: member.streams }, contactOf(1))).toEqual([2, 5]);
  }));
