/**
 * Copies of files on real peers: twelve of them with three copies of each file, of which two are killed at a time and
 * their directories deleted, until four are left.
 */

import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FileStore } from '../../src/client/file-store.ts';
import { pseudoRandom, sha256 } from './harness/content.ts';
import { untilPlaced, type ExpectedFile } from './harness/holders.ts';
import { Network } from './harness/network.ts';

const PEERS = 12;
const PEERS_LEFT = 4;
const COPIES = 3;
const FILES = 300;
const IN_FLIGHT = 16;
/** Until every file lies on the three closest live peers again. */
const REPAIRED_MS_MAX = 30_000;

let network: Network;
let store: FileStore;
const files: ExpectedFile[] = [];

beforeAll(async () => {
  network = await Network.start({
    title: 'replicas',
    peers: PEERS,
    replicas: COPIES,
    discoveryArgs: ['--repair-delay', '0'],
  });
  store = await network.connect();
});
afterAll(() => network.close());

async function inFlight<T>(items: readonly T[], each: (item: T, index: number) => Promise<void>): Promise<void> {
  const rest = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await each(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

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

it('a file that is stored with --wait all lies on three peers at once', async () => {
  const names = Array.from({ length: FILES }, (_, index) => `file-${String(index)}`);
  await inFlight(names, async (name, index) => {
    const content = pseudoRandom(index === 7 ? 5_000_000 : 10 * index, index);
    const receipt = await store.store(name, content, { wait: 'all' });
    expect(receipt.replicas).toHaveLength(COPIES);
    files.push({ name, sha256: sha256(content) });
  });
  await untilPlaced(network, files, COPIES, 10_000);
});

it('any two peers may be lost with their disks at once, again and again', async () => {
  for (let round = 0; network.nodeIds.length > PEERS_LEFT; round++) {
    const running = network.peers.filter(({ running: runs }) => runs);
    const lost = [running[(round * 5) % running.length], running[(round * 5 + 1 + round) % running.length]];
    await Promise.all(
      lost.map(async (peer) => {
        await peer?.kill();
        if (peer !== undefined) await rm(peer.storage, { recursive: true, force: true });
      }),
    );
    await inFlight(files, async ({ name, sha256: expected }) => {
      expect(await fetchHash(name)).toBe(expected);
    });
    const ms = await untilPlaced(network, files, COPIES, REPAIRED_MS_MAX);
    console.log(`round ${String(round)}: ${String(network.nodeIds.length)} left, placed after ${ms.toFixed(0)} ms`);
  }
});
