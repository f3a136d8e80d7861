import { beforeAll, describe, expect, it } from 'vitest';
import { NoSpaceError, UnreachableError } from '../../src/base/errors.ts';
import type { Contact } from '../../src/id/contact.ts';
import { IdSpace } from '../../src/id/id-space.ts';
import { Barrier } from '../../src/peer/barrier.ts';
import type { FileContext } from '../../src/peer/file-context.ts';
import { OwnCopy } from '../../src/peer/own-copy.ts';
import { Replication } from '../../src/peer/replication.ts';
import type { StorageDirectory } from '../../src/store/storage-directory.ts';
import type { WriteCondition } from '../../src/wire/holding.ts';
import type { SignedRecord } from '../../src/wire/record.ts';
import { CHUNK_BYTES, content, inStorage, load, recordOf, stage } from '../store/samples.ts';
import { makeCertificate, makeNetwork, type TestNetwork } from '../wire/signing.ts';
import { FakeReplica, FakeReplicas, type Behaviour } from './fake-replicas.ts';

const NAME = 'replicated';
const NO_SPACE = new NoSpaceError('full');
const space = new IdSpace(16);

let network: TestNetwork;
let self: Contact;
let contacts: Contact[];
beforeAll(async () => {
  network = await makeNetwork();
  [self, ...contacts] = (await Promise.all([1, 2, 3, 4].map((id) => contactAt(id)))) as [Contact, ...Contact[]];
});

async function contactAt(id: number): Promise<Contact> {
  const { certificate, envelope } = await makeCertificate(network, { nodeId: space.position(id) });
  const { nodeId, peerId, serial } = certificate;
  return { nodeId, peerId, serial, addrs: [], certificate: envelope };
}

type Bench = {
  readonly storage: StorageDirectory;
  readonly replicas: FakeReplicas;
  readonly commits: Barrier;
  readonly offered: string[];
  readonly bytes: Uint8Array;
  readonly record: SignedRecord;
  /** Somebody closer has come. */
  moved: boolean;
  begin(options: { waitFor: number; condition?: WriteCondition }): Promise<Replication>;
};

/** A root with two replicas that behave like that. */
function withReplicas(behaviours: readonly Behaviour[], use: (bench: Bench) => Promise<void>): () => Promise<void> {
  return inStorage(async (storage) => {
    const all = behaviours.map((behaviour, index) => new FakeReplica(contacts[index] as Contact, behaviour));
    const replicas = new FakeReplicas(network, all);
    const targets = [self, ...all.map(({ contact }) => contact)];
    const bytes = content(3 * CHUNK_BYTES + 5);
    const bench: Bench = {
      storage,
      replicas,
      commits: new Barrier(),
      offered: [],
      bytes,
      record: recordOf(NAME, 1, bytes, { replicas: 3 }),
      moved: false,
      async begin({ waitFor, condition = 'any' }) {
        const context = {
          storage,
          commits: bench.commits,
          replicaStreams: replicas.streams,
          placement: { present: () => targets },
          repair: { offer: ({ peerId }: Contact) => bench.offered.push(peerId) },
          ring: { self, isRoot: () => !bench.moved, closest: () => (bench.moved ? targets[1] : self) },
        } as unknown as FileContext;
        const own = await OwnCopy.begin(storage, { chunkBytes: CHUNK_BYTES, sizeHint: undefined });
        const key = space.position(0);
        const options = { key, name: NAME, sizeHint: undefined, targets, waitFor, condition };
        const replication = new Replication(context, own, options);
        for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
          const chunk = [bytes.subarray(at, at + CHUNK_BYTES)];
          await Promise.all([own.write(chunk), replication.chain.write(chunk)]);
        }
        return replication;
      },
    };
    await use(bench);
  });
}

const committed = ({ replicas }: Bench) => replicas.all.map((replica) => replica.committed);

async function expectNothingChanged(bench: Bench): Promise<void> {
  expect(await bench.storage.record(NAME)).toBeUndefined();
  expect(committed(bench)).toEqual(bench.replicas.all.map(() => false));
}

describe('a store', () => {
  it(
    'is committed by all, and names them',
    withReplicas([{}, {}], async (bench) => {
      const replication = await bench.begin({ waitFor: 3 });
      await replication.stage(bench.record);
      await expectNothingChanged(bench);
      const holders = await replication.commit(bench.record);
      expect(holders.map(({ nodeId }) => nodeId)).toEqual([1, 2, 3]);
      expect(committed(bench)).toEqual([true, true]);
      expect((await load(bench.storage, bench.record)).equals(bench.bytes)).toBe(true);
      for (const { received } of bench.replicas.all) expect(Buffer.concat(received).equals(bench.bytes)).toBe(true);
      expect(bench.offered).toEqual([]);
    }),
  );

  it.each<[string, Behaviour, string]>([
    ['cannot be reached', { unreachable: true }, 'TOO_FEW_REPLICAS'],
    ['cannot stage it', { stage: new UnreachableError('its disk') }, 'TOO_FEW_REPLICAS'],
    ['has no room', { stage: NO_SPACE }, 'NO_SPACE'],
  ])('is not done when one of those that are waited for %s, and nothing is changed', (_what, behaviour, code) =>
    withReplicas([behaviour], async (bench) => {
      const replication = await bench.begin({ waitFor: 2 });
      await expect(replication.stage(bench.record)).rejects.toMatchObject({ code });
      await replication.abort(undefined);
      await expectNothingChanged(bench);
    })(),
  );

  it(
    'is done without one that is not waited for, which hears of it afterwards',
    withReplicas([{}, { stage: NO_SPACE }], async (bench) => {
      const replication = await bench.begin({ waitFor: 2 });
      await replication.stage(bench.record);
      expect((await replication.commit(bench.record)).map(({ nodeId }) => nodeId)).toEqual([1, 2]);
      expect(bench.offered).toEqual([contacts[1]?.peerId]);
    }),
  );

  it(
    'reaches those behind a broken link of the chain from the root’s own copy',
    withReplicas([{ unreachable: true }, {}], async (bench) => {
      const replication = await bench.begin({ waitFor: 2 });
      await replication.stage(bench.record);
      expect((await replication.commit(bench.record)).map(({ nodeId }) => nodeId)).toEqual([1, 3]);
      const [, behind] = bench.replicas.all;
      expect(Buffer.concat(behind?.received ?? []).equals(bench.bytes)).toBe(true);
    }),
  );
});

describe('a commit', () => {
  it(
    'is not made by a peer that is the root no more',
    withReplicas([{}, {}], async (bench) => {
      const replication = await bench.begin({ waitFor: 2 });
      await replication.stage(bench.record);
      bench.moved = true;
      await expect(replication.commit(bench.record)).rejects.toMatchObject({ code: 'NOT_READY' });
      await replication.abort(undefined);
      await expectNothingChanged(bench);
    }),
  );

  it.each<[string, WriteCondition, number]>([
    ['is there by now', 'absent', 2],
    ['has the same version or a higher one by now', 'any', 1],
  ])('is refused where the name %s', (_what, condition, counter) =>
    withReplicas([{}, {}], async (bench) => {
      const replication = await bench.begin({ waitFor: 2, condition });
      const record = recordOf(NAME, counter, bench.bytes, { replicas: 3 });
      await replication.stage(record);
      const faster = recordOf(NAME, 1, bench.bytes, { version: { counter: 1, tag: new Uint8Array(16).fill(255) } });
      await bench.storage.commit(await stage(bench.storage, bench.bytes), faster);
      await expect(replication.commit(record)).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
      await replication.abort(undefined);
      expect(committed(bench)).toEqual([false, false]);
      expect((await bench.storage.record(NAME))?.version).toEqual(faster.version);
    })(),
  );

  it(
    'is waited for by whoever asks meanwhile what this peer has',
    withReplicas([{}, {}], async (bench) => {
      const replication = await bench.begin({ waitFor: 3 });
      await replication.stage(bench.record);
      const done = replication.commit(bench.record);
      await bench.commits.passed();
      expect((await bench.storage.record(NAME))?.version).toEqual(bench.record.version);
      await done;
    }),
  );

  it(
    'has an unknown outcome when too few of the others confirm it',
    withReplicas([{ diesAtVerdict: true }, {}], async (bench) => {
      const replication = await bench.begin({ waitFor: 2 });
      await replication.stage(bench.record);
      await expect(replication.commit(bench.record)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
      expect(bench.offered.toSorted()).toEqual(
        contacts
          .slice(0, 2)
          .map(({ peerId }) => peerId)
          .toSorted(),
      );
    }),
  );
});
