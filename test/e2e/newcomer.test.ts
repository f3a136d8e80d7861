/**
 * A peer that joins right on a file's key is the file's root from the moment at which it is ready, and has nothing yet: it
 * must answer as if it had been there always.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileStore } from '../../src/client/file-store.ts';
import { expectJsonFailure } from './failing.ts';
import { pseudoRandom, sha256 } from './harness/content.ts';
import { EntryPeers } from './harness/entry-peers.ts';
import { untilPlaced, type ExpectedFile } from './harness/holders.ts';
import { Network, type Peer } from './harness/network.ts';
import { closest, keyOf } from './harness/oracle.ts';

const PEERS = 4;
const COPIES = 3;
const FILES = 60;
const NEWCOMERS = 5;
const LARGE_BYTES = 8_000_000;
/**
 * From the moment at which the newcomer said that it is ready: some tenths of a second where nothing else runs. Shorter
 * than any wait for peers that are silent.
 */
const FETCHED_MS_MAX = 4_000;
const PLACED_MS_MAX = 30_000;

let network: Network;
let clients: FileStore[];
let entries: EntryPeers;
const files: ExpectedFile[] = [];

beforeAll(async () => {
  network = await Network.start({
    title: 'newcomer',
    peers: PEERS,
    replicas: COPIES,
    discoveryArgs: ['--allow-chosen-ids', '--repair-delay', '0'],
  });
  clients = await Promise.all([1, 2, 3].map(() => network.connect()));
  entries = await EntryPeers.open(network);
  for (let index = 0; index < FILES; index++) {
    const name = `file-${String(index)}`;
    const content = pseudoRandom(index === 0 ? LARGE_BYTES : 1000 * index, index);
    await storeAll(name, content);
    files.push({ name, sha256: sha256(content) });
  }
});
afterAll(async () => {
  await entries.close();
  await network.close();
});

async function storeAll(name: string, content: Uint8Array): Promise<void> {
  await clients[0]?.store(name, content, { wait: 'all' });
}

async function fetchHash(store: FileStore, name: string): Promise<string> {
  const parts: Uint8Array[] = [];
  const write = (more: readonly Uint8Array[]) => {
    parts.push(...more.map((part) => Buffer.from(part)));
    return Promise.resolve();
  };
  await store.fetch(name, { write });
  return sha256(Buffer.concat(parts));
}

/** Joins with that id. Resolves when it has said that it is ready. */
async function joinAt(id: string): Promise<Peer> {
  const peer = await network.addPeer(['--id', id]);
  expect(peer.nodeId).toBe(id);
  return peer;
}

function at(index: number): ExpectedFile {
  const file = files[index];
  if (file === undefined) throw new Error(`there is no file ${String(index)}`);
  return file;
}

describe.each(Array.from({ length: NEWCOMERS }, (_, index) => index))(
  'newcomer %d, right on the key of a file',
  (index) => {
    it('has the file fetched from it, or through it, within the same second', async () => {
      const file = at(index);
      // What clients know of who is root is of before.
      await Promise.all(clients.map((client) => fetchHash(client, file.name)));
      const newcomer = await joinAt(keyOf(file.name));
      const begin = performance.now();
      const fetched = await Promise.all(clients.map((client) => fetchHash(client, file.name)));
      const ms = performance.now() - begin;
      expect(fetched).toEqual(clients.map(() => file.sha256));
      expect(ms).toBeLessThan(FETCHED_MS_MAX);
      console.log(`fetched three times after ${ms.toFixed(0)} ms`);
      const roots = await Promise.all(network.peers.map((peer) => entries.rootOf(keyOf(file.name), peer)));
      expect(roots).toEqual(network.peers.map(() => newcomer.nodeId));
    });
  },
);

it('an overwrite right after goes above the version that others hold', async () => {
  const file = at(10);
  const [client] = clients as [FileStore];
  const { version } = await client.stat(file.name);
  await joinAt(keyOf(file.name));
  const content = pseudoRandom(50_000, 999);
  const receipt = await client.store(file.name, content);
  expect(Number.parseInt(receipt.version, 10)).toBe(Number.parseInt(version, 10) + 1);
  files[10] = { name: file.name, sha256: sha256(content) };
  for (const each of clients) expect(await fetchHash(each, file.name)).toBe(sha256(content));
});

it('a store with --if-absent right after is refused, and a removal is not undone', async () => {
  const [client] = clients as [FileStore];
  const file = at(11);
  await joinAt(keyOf(file.name));
  const stored = client.store(file.name, Buffer.from('x'), { ifAbsent: true });
  await expect(stored).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
  const removed = at(12).name;
  await client.remove(removed);
  files.splice(12, 1);
  await joinAt(keyOf(removed));
  await expect(client.stat(removed)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const finished = await network.run('fetch-file', ['--json', removed, '--out', network.file('removed')]);
  expectJsonFailure(finished, { status: 3, code: 'NOT_FOUND' });
});

it('a name that nobody stored is not found there, at once', async () => {
  const id = keyOf('somewhere else');
  await joinAt(id);
  const begin = performance.now();
  const missing = Array.from({ length: 100_000 }, (_, index) => `missing-${String(index)}`).find(
    (name) => closest(network.nodeIds, keyOf(name)) === id,
  );
  const found = clients.map((client) => client.stat(missing ?? ''));
  for (const outcome of await Promise.allSettled(found)) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'NOT_FOUND' } });
  }
  expect(performance.now() - begin).toBeLessThan(FETCHED_MS_MAX);
});

it('all files lie on their replica sets in the end, and nowhere else', async () => {
  const ms = await untilPlaced(network, files, COPIES, PLACED_MS_MAX);
  console.log(`placed after ${ms.toFixed(0)} ms`);
  for (const { name, sha256: expected } of files) expect(await fetchHash(clients[1] as FileStore, name)).toBe(expected);
});
