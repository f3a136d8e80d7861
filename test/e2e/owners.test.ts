/** Whose a name is, on four real peers with three copies of each file: who may change it, on what condition, and what a receipt says. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileStore } from '../../src/client/file-store.ts';
import { compareVersions, parseVersion } from '../../src/id/version.ts';
import { expectFailure, expectJsonFailure } from './failing.ts';
import type { CommandOptions, JsonLine } from './harness/command.ts';
import { pseudoRandom, sha256, storedFiles } from './harness/content.ts';
import { untilPlaced } from './harness/holders.ts';
import { Network } from './harness/network.ts';
import { closestOnes, keyOf } from './harness/oracle.ts';
import { until } from './harness/until.ts';

const PEERS = 4;
const COPIES = 3;
const WRITERS = 8;
const ROUNDS = 10;
const PLACED_MS_MAX = 20_000;
const NOT_PERMITTED = { status: 9, code: 'NOT_PERMITTED' };
const VERSION_CONFLICT = { status: 8, code: 'VERSION_CONFLICT' };
const NOT_FOUND = { status: 3, code: 'NOT_FOUND' };

let network: Network;
/** Another person than the network's own. */
let other: { env: { P2P_CONFIG_DIR: string } };

beforeAll(async () => {
  network = await Network.start({
    title: 'owners',
    peers: PEERS,
    replicas: COPIES,
    discoveryArgs: ['--repair-delay', '0'],
  });
  other = { env: { P2P_CONFIG_DIR: network.file('other-person') } };
});
afterAll(() => network.close());

async function put(name: string, stdin: string, args: readonly string[] = [], options: CommandOptions = {}) {
  const [line] = await network.succeed('store-file', ['--as', name, ...args, '-'], { ...options, stdin });
  return line as JsonLine;
}

async function refused(
  name: string,
  failing: { status: number; code: string },
  args: readonly string[] = [],
  options = {},
) {
  await expectFailure(network, 'store-file', ['--as', name, ...args, '-'], failing, { ...options, stdin: 'refused' });
}

async function remove(name: string): Promise<void> {
  const { status, stderr } = await network.run('p2p-peer', ['rm', name]);
  expect(status, stderr).toBe(0);
}

async function removalRefused(name: string, options: CommandOptions = {}): Promise<void> {
  expectJsonFailure(await network.run('p2p-peer', ['rm', '--json', name], options), NOT_PERMITTED);
}

async function content(name: string): Promise<string> {
  const { status, stdout, stderr } = await network.run('fetch-file', ['--out', '-', '--', name]);
  expect(status, stderr).toBe(0);
  return stdout.toString();
}

function compareVersionTexts(a: string, b: string): number {
  const [one, other] = [parseVersion(a), parseVersion(b)];
  if (one === undefined || other === undefined) throw new Error(`${a} or ${b} is no version`);
  return compareVersions(one, other);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

describe('a file of somebody else', () => {
  it('is neither overwritten nor removed', async () => {
    await put('mine', 'mine');
    await refused('mine', NOT_PERMITTED, [], other);
    await removalRefused('mine', other);
    expect(await content('mine')).toBe('mine');
    await put('mine', 'mine again');
    expect(await content('mine')).toBe('mine again');
  });

  it('is anybody’s to overwrite and remove when it is shared, and stays shared', async () => {
    await put('ours', 'one', ['--shared']);
    await put('ours', 'two', [], other);
    expect(await content('ours')).toBe('two');
    await put('ours', 'three');
    await put('ours', 'four', [], other);
    expect(await content('ours')).toBe('four');
    await remove('ours');
    await expectFailure(network, 'fetch-file', ['ours'], NOT_FOUND);
  });

  it('may be taken by anybody once it was removed, and is then not the former owner’s', async () => {
    await put('passed-on', 'first');
    await remove('passed-on');
    await put('passed-on', 'second', [], other);
    await refused('passed-on', NOT_PERMITTED);
    await removalRefused('passed-on');
    await put('passed-on', 'third', [], other);
    expect(await content('passed-on')).toBe('third');
  });
});

describe('a condition', () => {
  it('--if-absent stores only where there is no file, or a removed one', async () => {
    await put('once', 'first', ['--if-absent']);
    await refused('once', VERSION_CONFLICT, ['--if-absent']);
    expect(await content('once')).toBe('first');
    await remove('once');
    await put('once', 'second', ['--if-absent']);
    expect(await content('once')).toBe('second');
  });

  it('--if-version stores only over that version', async () => {
    const { version } = await put('read-first', 'first');
    const second = await put('read-first', 'second', ['--if-version', version]);
    await refused('read-first', VERSION_CONFLICT, ['--if-version', version]);
    await refused('never-stored', VERSION_CONFLICT, ['--if-version', version]);
    expect(await content('read-first')).toBe('second');
    await remove('read-first');
    await refused('read-first', VERSION_CONFLICT, ['--if-version', second.version]);
  });

  it('--if-absent lets exactly one of eight win who come at once', async () => {
    const stores = await Promise.all(
      Array.from({ length: WRITERS }, (_, index) => network.connect(network.file(`writer-${String(index % 3)}`))),
    );
    for (let round = 0; round < ROUNDS; round++) {
      const name = `contested-${String(round)}`;
      const outcomes = await Promise.allSettled(
        stores.map((store, index) => store.store(name, pseudoRandom(30_000 * index, index), { ifAbsent: true })),
      );
      const won = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
      expect(won, name).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected')
          expect(['VERSION_CONFLICT', 'NOT_PERMITTED']).toContain(codeOf(outcome.reason));
      }
      const index = won[0] ?? 0;
      await everyReplicaHas(name, sha256(pseudoRandom(30_000 * index, index)));
    }
  });
});

/** The three closest peers have that content in files/, and nobody has any other. */
async function everyReplicaHas(name: string, expected: string): Promise<void> {
  const path = `${keyOf(name).slice(0, 2)}/${name}`;
  const wanted = closestOnes(network.nodeIds, keyOf(name), COPIES).toSorted();
  await until(`the replicas of ${name} agree`, async () => {
    const holders: string[] = [];
    for (const { nodeId, storage } of network.peers) {
      const hash = (await storedFiles(storage)).get(path);
      if (hash === expected) holders.push(nodeId);
      else if (hash !== undefined) return false;
    }
    return holders.toSorted().join() === wanted.join();
  });
}

it('two programs of one owner that store one name at once leave one content on all replicas, whole', async () => {
  const stores = [await network.connect(), await network.connect()] as [FileStore, FileStore];
  const conflicts: unknown[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const name = 'from-two-programs';
    const contents = stores.map((_, index) => pseudoRandom(2_500_000 + round, 100 * round + index));
    const outcomes = await Promise.allSettled(
      stores.map((store, index) => store.store(name, contents[index] ?? Buffer.alloc(0), { wait: 'all' })),
    );
    for (const outcome of outcomes) if (outcome.status === 'rejected') conflicts.push(codeOf(outcome.reason));
    const receipts = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(receipts.length).toBeGreaterThanOrEqual(1);
    const [newest] = receipts.toSorted((a, b) => compareVersionTexts(b.version, a.version));
    expect((await stores[0].stat(name)).version).toBe(newest?.version);
    await everyReplicaHas(name, newest?.sha256 ?? '');
  }
  expect(conflicts.filter((code) => code !== 'VERSION_CONFLICT')).toEqual([]);
});

it('two people who overwrite a shared file by turns can go on with that', async () => {
  const stores = [await network.connect(network.file('turn-a')), await network.connect(network.file('turn-b'))];
  for (let turn = 0; turn < 10; turn++) {
    await stores[turn % 2]?.store('by turns', Buffer.from(String(turn)), { shared: true });
  }
  expect(await content('by turns')).toBe('9');
});

describe('a receipt', () => {
  it('names all who hold the file when all are waited for, and at least a majority otherwise', async () => {
    for (const [wait, least] of [
      ['all', COPIES],
      ['quorum', 2],
      ['one', 1],
    ] as const) {
      const name = `waited-for-${wait}`;
      const { replicas, root } = await put(name, wait, ['--wait', wait]);
      const named = replicas.map(({ nodeId }) => nodeId);
      expect(named.length).toBeGreaterThanOrEqual(least);
      expect(closestOnes(network.nodeIds, keyOf(name), COPIES)).toEqual(expect.arrayContaining(named));
      expect(named[0]).toBe(root.nodeId);
      await untilPlaced(network, await placed(), COPIES, PLACED_MS_MAX);
    }
  });

  it('names as many as there are, where fewer peers are there than copies are wanted; for --wait all they are too few', async () => {
    const small = await Network.start({
      title: 'two',
      peers: 2,
      replicas: COPIES,
      discoveryArgs: ['--repair-delay', '0'],
    });
    try {
      const args = ['--wait', 'all', '--as', 'three', '-'];
      const tooFew = { status: 4, code: 'TOO_FEW_REPLICAS' };
      await expectFailure(small, 'store-file', args, tooFew, { stdin: pseudoRandom(3_000_000, 1) });
      await expectFailure(small, 'fetch-file', ['three'], NOT_FOUND);
      for (const { storage } of small.peers) expect((await storedFiles(storage)).size).toBe(0);
      await until('nothing is left in incoming/', async () => {
        const staged = await Promise.all(small.peers.map((peer) => peer.staged()));
        return staged.flat().length === 0;
      });
      const [line] = await small.succeed('store-file', ['--as', 'two', '-'], { stdin: 'two' });
      expect(line?.replicas.map(({ nodeId }) => nodeId).toSorted()).toEqual(small.nodeIds.toSorted());
    } finally {
      await small.close();
    }
  });
});

/** What the newest version of each name that is there is. */
async function placed() {
  const store = await network.connect();
  const files: { name: string; sha256: string }[] = [];
  for await (const { name, sha256: hash } of store.list()) files.push({ name, sha256: hash });
  return files;
}
