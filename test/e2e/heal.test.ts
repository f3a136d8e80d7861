/** Copies that were damaged, lost or put back from an old backup, on four real peers with three copies of each file. */

import { cp, open, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectFailure } from './failing.ts';
import { filesBelow, pseudoRandom, sha256 } from './harness/content.ts';
import { untilPlaced, type ExpectedFile } from './harness/holders.ts';
import { Network, type Peer } from './harness/network.ts';
import { closestOnes, keyOf } from './harness/oracle.ts';
import { until } from './harness/until.ts';

const PEERS = 4;
const COPIES = 3;
const MIB = 1024 * 1024;
const SEVERAL_CHUNKS = 2 * MIB + 5;
const PLACED_MS_MAX = 15_000;
const HEALED_MS_MAX = 10_000;

let network: Network;
beforeAll(async () => {
  network = await Network.start({
    title: 'heal',
    peers: PEERS,
    replicas: COPIES,
    discoveryArgs: ['--repair-delay', '0'],
  });
});
afterAll(() => network.close());

/** Stores it on all three. */
async function put(name: string, content: Uint8Array): Promise<ExpectedFile> {
  await network.succeed('store-file', ['--wait', 'all', '--as', name, '-'], { stdin: content });
  const file = { name, sha256: sha256(content) };
  for (const peer of replicasOf(name)) await until('it has its place', () => has(peer, file));
  return file;
}

function replicasOf(name: string): Peer[] {
  return closestOnes(network.nodeIds, keyOf(name), COPIES).map((nodeId) => network.peer(nodeId));
}

function pathOf({ storage }: Peer, name: string): string {
  return join(storage, 'files', keyOf(name).slice(0, 2), name);
}

async function has(peer: Peer, { name, sha256: expected }: ExpectedFile): Promise<boolean> {
  const content = await readFile(pathOf(peer, name)).catch(() => undefined);
  return content !== undefined && sha256(content) === expected;
}

async function fetchHash(name: string): Promise<string> {
  const { status, stdout, stderr } = await network.run('fetch-file', [name, '--out', '-']);
  expect(status, stderr).toBe(0);
  return sha256(stdout);
}

async function flipByte(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    await file.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, at);
  } finally {
    await file.close();
  }
}

/** Files in quarantine, by SHA-256. */
async function inQuarantine({ storage }: Peer): Promise<string[]> {
  const dir = join(storage, 'quarantine');
  const paths = await filesBelow(dir).catch(() => []);
  return Promise.all(paths.map(async (path) => sha256(await readFile(join(dir, path)))));
}

describe('a damaged copy on the root', () => {
  it.each([
    ['a byte of the only chunk changed', 'flipped-1', 1000, (path: string) => flipByte(path, 500), true],
    [
      'a byte of the last of several',
      'flipped-3',
      SEVERAL_CHUNKS,
      (path: string) => flipByte(path, SEVERAL_CHUNKS - 1),
      true,
    ],
    ['cut short', 'cut', SEVERAL_CHUNKS, (path: string) => truncate(path, MIB), true],
    ['emptied', 'emptied', 1000, (path: string) => truncate(path, 0), true],
    ['deleted', 'deleted', 1000, (path: string) => rm(path), false],
    [
      'deleted with its directory',
      'deleted-dir',
      1000,
      (path: string) => rm(dirname(path), { recursive: true }),
      false,
    ],
  ] as const)('%s: the reader gets good bytes, and the copy is healed', async (_title, name, size, damage, kept) => {
    const file = await put(name, pseudoRandom(size, size + name.length));
    const [root] = replicasOf(name) as [Peer];
    await damage(pathOf(root, name));
    const damaged = await readFile(pathOf(root, name)).then(sha256, () => undefined);
    expect(await fetchHash(name)).toBe(file.sha256);
    await until('the copy is healed', () => has(root, file), HEALED_MS_MAX);
    if (kept) expect(await inQuarantine(root)).toContain(damaged);
    expect(await fetchHash(name)).toBe(file.sha256);
    await untilPlaced(network, [file, ...(await othersThan(name))], COPIES, PLACED_MS_MAX);
  });

  it('two files that were swapped come back each in its own place', async () => {
    // Of two names of the same size, or the difference would show at once.
    const names = sameRoot('swapped');
    const files = await Promise.all(names.map((name, index) => put(name, pseudoRandom(5000, 70 + index))));
    const [root] = replicasOf(names[0]) as [Peer];
    const [one, other] = names.map((name) => pathOf(root, name)) as [string, string];
    await rename(one, `${one}.moved`);
    await rename(other, one);
    await rename(`${one}.moved`, other);
    for (const { name, sha256: expected } of files) expect(await fetchHash(name)).toBe(expected);
    for (const file of files) await until('the copy is healed', () => has(root, file), HEALED_MS_MAX);
  });
});

/** Everything that is stored besides this one. */
async function othersThan(name: string): Promise<ExpectedFile[]> {
  const store = await network.connect();
  const files: ExpectedFile[] = [];
  for await (const entry of store.list())
    if (entry.name !== name) files.push({ name: entry.name, sha256: entry.sha256 });
  await store.close();
  return files;
}

/** Two names with one root. */
function sameRoot(prefix: string): [string, string] {
  const names = Array.from({ length: 100 }, (_, index) => `${prefix}-${String(index)}`);
  const [first = ''] = names;
  const second = names.find((name) => name !== first && network.rootOf(name) === network.rootOf(first));
  return [first, second ?? ''];
}

it('p2p-peer verify finds a changed byte on another replica, which is healed', async () => {
  const file = await put('verified', pseudoRandom(SEVERAL_CHUNKS, 5));
  const [, replica] = replicasOf(file.name) as [Peer, Peer];
  const verify = () => network.run('p2p-peer', ['verify', '--storage', replica.storage]);
  expect(await verify()).toMatchObject({ status: 0 });
  await flipByte(pathOf(replica, file.name), MIB);
  const { status, stdout } = await verify();
  expect(status).toBe(5);
  expect(stdout.toString()).toContain(file.name);
  await until('the copy is healed', () => has(replica, file), HEALED_MS_MAX);
  expect(await verify()).toMatchObject({ status: 0 });
});

it('of a file that nobody else holds, the damaged copy stays where it is, and a reader hears of the damage', async () => {
  const lone = await Network.start({
    title: 'lone',
    peers: 1,
    replicas: COPIES,
    discoveryArgs: ['--repair-delay', '0'],
  });
  try {
    await lone.succeed('store-file', ['--wait', 'one', '--as', 'only', '-'], { stdin: pseudoRandom(1000, 1) });
    const path = await lone.placeOf('only');
    await flipByte(path, 5);
    const failing = { status: 5, code: 'CONTENT_CORRUPT' };
    await expectFailure(lone, 'fetch-file', ['only', '--out', lone.file('only')], failing);
    expect((await stat(path)).size).toBe(1000);
  } finally {
    await lone.close();
  }
});

it('a peer whose catalog was lost takes up its files again, without any being sent', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `adopted-${String(index)}`);
  const store = await network.connect();
  for (const [index, name] of names.entries())
    await store.store(name, pseudoRandom(3000 * index, index), { wait: 'all' });
  const files = await othersThan('');
  await untilPlaced(network, files, COPIES, PLACED_MS_MAX);
  const [peer] = network.peers as [Peer];
  await peer.stop();
  const inodes = await inodesOf(peer);
  await rm(join(peer.storage, 'catalog'), { recursive: true });
  await peer.start();
  await untilPlaced(network, files, COPIES, PLACED_MS_MAX);
  for (const { name, sha256: expected } of files) expect(await fetchFrom(store, name)).toBe(expected);
  const after = await inodesOf(peer);
  // While it was away nobody was given its copies for good: what is here is what was here.
  for (const [path, inode] of after) expect([path, inode]).toEqual([path, inodes.get(path)]);
  await store.close();
});

async function inodesOf({ storage }: Peer): Promise<Map<string, number>> {
  const dir = join(storage, 'files');
  const paths = await filesBelow(dir);
  return new Map(await Promise.all(paths.map(async (path) => [path, (await stat(join(dir, path))).ino] as const)));
}

async function fetchFrom(store: Awaited<ReturnType<Network['connect']>>, name: string): Promise<string> {
  const parts: Uint8Array[] = [];
  const write = (more: readonly Uint8Array[]) => {
    parts.push(...more.map((part) => Buffer.from(part)));
    return Promise.resolve();
  };
  await store.fetch(name, { write });
  return sha256(Buffer.concat(parts));
}

describe('a peer whose directory is put back from an old copy', () => {
  const names = Array.from({ length: 12 }, (_, index) => `restored-${String(index)}`);
  const isRemoved = (index: number) => index % 3 === 0;
  const newContent = (index: number) => pseudoRandom(2000 + index, 900 + index);

  it.each([0, 1, 2, 3])('rolls nothing back and brings nothing removed back: peer %d', async (number) => {
    const store = await network.connect();
    for (const [index, name] of names.entries()) await store.store(name, pseudoRandom(1000, index), { wait: 'all' });
    const peer = network.peers[number] as Peer;
    const backup = network.file(`backup-${String(number)}`);
    await peer.stop();
    await cp(peer.storage, backup, { recursive: true, preserveTimestamps: true });
    await peer.start();
    for (const [index, name] of names.entries()) {
      if (isRemoved(index)) await store.remove(name);
      else await store.store(name, newContent(index));
    }
    await peer.stop();
    await rm(peer.storage, { recursive: true });
    await rename(backup, peer.storage);
    await peer.start();
    await expectNew(store);
    const files = (await othersThan('')).filter(
      ({ name }) => !names.some((one, index) => one === name && isRemoved(index)),
    );
    await untilPlaced(network, files, COPIES, PLACED_MS_MAX);
    await expectNew(store);
    await store.close();
  });

  async function expectNew(store: Awaited<ReturnType<Network['connect']>>): Promise<void> {
    for (const [index, name] of names.entries()) {
      if (isRemoved(index)) await expect(store.stat(name), name).rejects.toMatchObject({ code: 'NOT_FOUND' });
      else expect(await fetchFrom(store, name), name).toBe(sha256(newContent(index)));
    }
  }

  it('not where the name has changed hands either', async () => {
    const contested = Array.from({ length: 8 }, (_, index) => `handed-on-${String(index)}`);
    const [former, next] = [await network.connect(), await network.connect(network.file('next-owner'))];
    for (const name of contested) await former.store(name, Buffer.from('former'), { wait: 'all' });
    const peer = network.peers[1] as Peer;
    await peer.stop();
    for (const name of contested) {
      await former.remove(name);
      await next.store(name, Buffer.from('next'));
      await next.store(name, Buffer.from('next again'));
    }
    await peer.start();
    const expected = sha256('next again');
    const others = (await othersThan('')).filter(({ name }) => !contested.includes(name));
    const files = [...others, ...contested.map((name) => ({ name, sha256: expected }))];
    await untilPlaced(network, files, COPIES, PLACED_MS_MAX);
    for (const name of contested) expect(await fetchFrom(former, name), name).toBe(expected);
    await former.close();
    await next.close();
  });
});

it('a peer that missed that a file has fewer copies by now keeps no old one', async () => {
  const { name } = await put('fewer-copies', Buffer.from('on three peers'));
  const [, , third] = replicasOf(name) as [Peer, Peer, Peer];
  await third.stop();
  await network.succeed('store-file', ['--replicas', '2', '--as', name, '-'], { stdin: 'on two' });
  await third.start();
  const isGone = async () => (await stat(pathOf(third, name)).catch(() => undefined)) === undefined;
  await until('the old copy is given up', isGone, HEALED_MS_MAX);
});
