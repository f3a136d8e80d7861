import { beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { IdSpace, type Key } from '../../src/id/id-space.ts';
import { keyOfName } from '../../src/id/key.ts';
import { handOverAll, handOverStrays, type HandOverParts } from '../../src/peer/hand-over.ts';
import type { ReplicaPlacement } from '../../src/peer/replica-placement.ts';
import type { StorageDirectory } from '../../src/store/storage-directory.ts';
import type { ContactReader } from '../../src/wire/contact.ts';
import type { Holding } from '../../src/wire/holding.ts';
import type { ReplicaRequest } from '../../src/wire/replica.ts';
import { contactOf } from '../overlay/helpers.ts';
import { content, inStorage, recordOf, stage, tombstoneOf } from '../store/samples.ts';
import { makeNetwork } from '../wire/signing.ts';
import { answeringStreams, silence } from './fake-streams.ts';

const space = new IdSpace(16);
const self = contactOf(9);
const members = [contactOf(1), contactOf(2), contactOf(3)];
const K = 3;
const NAMES_AT_ONCE = 64;

let reader: ContactReader;
beforeAll(async () => {
  ({ reader } = await makeNetwork());
});

type Offer = Extract<ReplicaRequest, { type: 'holdings' }>;

/** What each member says that it has: `silent`, or by name, where it is not simply what it is offered. */
type Says = (member: string, name: string, offered: Holding | undefined) => Holding | undefined | 'silent';

class Bench {
  readonly offers: { to: string; offer: Offer }[] = [];
  readonly parts: HandOverParts;
  says: Says = (_member, _name, offered) => offered;
  /** Who should hold a key, as far as this peer can tell. */
  present: (key: Key) => typeof members | undefined = () => members;

  constructor(storage: StorageDirectory) {
    const placement = {
      present: (key: Key, k: number) => this.present(key)?.slice(0, k),
      foreignSlots: () => [{ from: 0, to: 0 }],
    } as unknown as ReplicaPlacement;
    const streams = answeringStreams(reader, (request, to) => {
      if (request.type !== 'holdings') throw new Error(`a ${request.type} is no offer`);
      const peerId = to.peerId ?? '';
      this.offers.push({ to: peerId, offer: request });
      const holdings = request.names.map((name, index) => {
        const holding = this.says(peerId, name, request.offered[index]);
        return holding === 'silent' ? silence() : holding;
      });
      return { type: 'holdings', holdings };
    });
    this.parts = { self, storage, placement, streams, idSpace: space, log: silentLog, onOther: () => undefined };
  }

  strays() {
    return handOverStrays(this.parts);
  }
}

async function store(storage: StorageDirectory, name: string, counter = 1): Promise<Holding> {
  const bytes = content(100);
  const record = recordOf(name, counter, bytes, { replicas: K });
  await storage.commit(await stage(storage, bytes), record);
  return record;
}

async function remove(storage: StorageDirectory, name: string, counter = 1): Promise<Holding> {
  const record = recordOf(name, counter, new Uint8Array(0), { replicas: K, tombstone: true });
  await storage.commitTombstone(record);
  return record;
}

describe('copies that do not belong here', () => {
  it(
    'are dropped when all who should hold them have them',
    inStorage(async (storage) => {
      const bench = new Bench(storage);
      const held = await store(storage, 'a');
      expect(await bench.strays()).toEqual({ safe: 1, open: 0 });
      expect(await storage.record('a')).toBeUndefined();
      expect(bench.offers.map(({ to }) => to)).toEqual(members.map(({ peerId }) => peerId));
      expect(bench.offers[0]?.offer).toMatchObject({ names: ['a'], leaving: false });
      expect(bench.offers[0]?.offer.offered[0]?.version).toEqual(held.version);
    }),
  );

  it.each<[string, (offered: Holding | undefined) => Holding | undefined | 'silent']>([
    ['has nothing', () => undefined],
    ['is silent', () => 'silent'],
    ['has an older version', () => recordOf('a', 1, new Uint8Array(0))],
    [
      'has another version beside it',
      (offered) => offered && { ...offered, version: { ...offered.version, tag: new Uint8Array(16) } },
    ],
  ])('stay while one of them %s', async (_what, third) => {
    await inStorage(async (storage) => {
      const bench = new Bench(storage);
      await store(storage, 'a', 2);
      bench.says = (member, _name, offered) => (member === members[2]?.peerId ? third(offered) : offered);
      expect(await bench.strays()).toEqual({ safe: 0, open: 1 });
      expect(await storage.record('a')).toBeDefined();
      bench.says = (_member, _name, offered) => offered;
      expect(await bench.strays()).toEqual({ safe: 1, open: 0 });
    })();
  });

  it(
    'are dropped when all have something newer',
    inStorage(async (storage) => {
      const bench = new Bench(storage);
      await store(storage, 'a', 2);
      bench.says = () => tombstoneOf('a', 3);
      expect(await bench.strays()).toEqual({ safe: 1, open: 0 });
    }),
  );

  it(
    'are handed over whether they are files or removals',
    inStorage(async (storage) => {
      const bench = new Bench(storage);
      await store(storage, 'a');
      await remove(storage, 'b');
      bench.says = () => undefined;
      expect(await bench.strays()).toEqual({ safe: 0, open: 2 });
      for (const { offer } of bench.offers) expect(offer.names.toSorted()).toEqual(['a', 'b']);
      expect(await storage.record('b')).toMatchObject({ tombstone: true });
      bench.says = (_member, _name, offered) => offered;
      expect(await bench.strays()).toEqual({ safe: 2, open: 0 });
      expect(storage.totals).toMatchObject({ files: 0, tombstones: 0 });
    }),
  );

  it(
    'stay while this peer is one of the set after all, or cannot tell who is',
    inStorage(async (storage) => {
      const bench = new Bench(storage);
      await store(storage, 'mine');
      await store(storage, 'unknown');
      await store(storage, 'nobody');
      bench.present = (key) => {
        if (key === keyOfName(space, 'mine')) return [contactOf(1), self, contactOf(2)];
        return key === keyOfName(space, 'nobody') ? [] : undefined;
      };
      expect(await bench.strays()).toEqual({ safe: 0, open: 2 });
      expect(bench.offers).toEqual([]);
      expect(storage.totals.files).toBe(3);
    }),
  );

  it(
    'go in questions of many names, one to each peer concerned',
    inStorage(async (storage) => {
      const bench = new Bench(storage);
      await Promise.all(
        Array.from({ length: NAMES_AT_ONCE + 10 }, (_, index) => remove(storage, `file ${String(index)}`)),
      );
      expect(await bench.strays()).toEqual({ safe: NAMES_AT_ONCE + 10, open: 0 });
      expect(bench.offers.map(({ offer }) => offer.names.length)).toEqual([64, 64, 64, 10, 10, 10]);
    }),
  );
});

describe('a peer that leaves', () => {
  it(
    'hands everything to those who hold it without this peer, and drops nothing before it has left',
    inStorage(async (storage) => {
      const bench = new Bench(storage);
      bench.present = () => [self, ...members];
      await store(storage, 'a');
      await remove(storage, 'b');
      const counts: unknown[] = [];
      expect(await handOverAll(bench.parts, undefined, false, (count) => counts.push(count))).toEqual(new Set());
      expect(counts).toEqual([{ safe: 2, open: 0 }]);
      expect(bench.offers.map(({ to, offer }) => [to, offer.leaving])).toEqual(
        members.map(({ peerId }) => [peerId, true]),
      );
      expect(storage.totals).toMatchObject({ files: 1, tombstones: 1 });
      expect(await handOverAll(bench.parts, undefined, true, () => undefined)).toEqual(new Set());
      expect(storage.totals).toMatchObject({ files: 0, tombstones: 0 });
    }),
  );
});
