/**
 * Peers that are full, and peers that were away for long: four of them with three copies of each file, one with little
 * room.
 */

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FileStore } from '../../src/client/file-store.ts';
import { silentLog } from '../../src/base/log.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import { pseudoRandom, sha256 } from './harness/content.ts';
import { untilPlaced, type ExpectedFile } from './harness/holders.ts';
import { Network, type Peer } from './harness/network.ts';
import { closestOnes, keyOf } from './harness/oracle.ts';
import { until } from './harness/until.ts';

const COPIES = 3;
const FILE_BYTES = 200_000;
const FILES = 24;
const DAY_MS = 24 * 3_600_000;

let network: Network;
let store: FileStore;
let small: Peer;
const files: ExpectedFile[] = [];

beforeAll(async () => {
  network = await Network.start({
    title: 'space',
    peers: 4,
    replicas: COPIES,
    discoveryArgs: ['--repair-delay', '0'],
  });
  small = await network.addPeer(['--capacity', '1M']);
  store = await network.connect();
});
afterAll(() => network.close());

async function fetchHash(name: string): Promise<string> {
  const parts: Uint8Array[] = [];
  await store.fetch(name, {
    write: (more) => {
      parts.push(...more.map((part) => Buffer.from(part)));
      return Promise.resolve();
    },
  });
  return sha256(Buffer.concat(parts));
}

it('a full peer, root or not, gets its copies kept by others', async () => {
  for (let index = 0; index < FILES; index++) {
    const name = `file ${String(index)}`;
    const content = pseudoRandom(FILE_BYTES, index);
    const receipt = await store.store(name, content, { wait: 'all' });
    expect(receipt.replicas, name).toHaveLength(COPIES);
    files.push({ name, sha256: sha256(content) });
  }
  const wanted = files.filter(({ name }) => closestOnes(network.nodeIds, keyOf(name), COPIES).includes(small.nodeId));
  expect(wanted.length * FILE_BYTES, 'more than the small peer has room for').toBeGreaterThan(2_000_000);
  for (const { name, sha256: expected } of files) expect(await fetchHash(name), name).toBe(expected);
});

it('they go home when there is room', { timeout: 150_000 }, async () => {
  await small.stop();
  const roomy = network.newPeer([], small.storage);
  await roomy.start();
  expect(roomy.nodeId).toBe(small.nodeId);
  await untilPlaced(network, files, COPIES, 120_000);
});

/** As if the peer had been switched off for so many days. */
async function pretendAway(peer: Peer, days: number): Promise<void> {
  const storage = await StorageDirectory.open(peer.storage, { log: silentLog });
  await storage.settings.put('last-seen', Buffer.from(String(Date.now() - days * DAY_MS)));
  await storage.close();
}

it('a peer that was away for longer than removals are kept comes back into quarantine, and gets what is still valid', async () => {
  const [peer] = network.peers as [Peer];
  await peer.stop();
  await pretendAway(peer, 31);
  await peer.start();
  expect(peer.runLog).toContain('away-for-long');
  await untilPlaced(network, files, COPIES, 60_000);
});

it('when all were away as long, nothing is lost', async () => {
  const running = network.peers.filter((peer) => peer.running);
  await Promise.all(running.map((peer) => peer.stop()));
  for (const peer of running) await pretendAway(peer, 60);
  for (const peer of running) await peer.start();
  await until('the last is in the ring', async () => (await store.lookup('x').catch(() => undefined)) !== undefined);
  for (const { name, sha256: expected } of files) expect(await fetchHash(name), name).toBe(expected);
  for (const peer of running) expect(peer.runLog).not.toContain('put into quarantine');
});
