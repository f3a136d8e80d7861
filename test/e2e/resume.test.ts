/**
 * Large stores that are broken off, by the end of the client or of the root, and gone on with by the same command. Each is
 * held in the middle by a root that stands still, and what it receives afterwards is counted by the system.
 */

import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finished, RunningCommand } from './harness/command.ts';
import { pseudoRandom, sha256, storedFiles } from './harness/content.ts';
import { Network, type Peer } from './harness/network.ts';
import { keyOf } from './harness/oracle.ts';
import { until } from './harness/until.ts';

const MIB = 1024 * 1024;
const SIZE_MIB = 64;
const BROKEN_OFF_AT_MIB = 40;
/** What a root receives besides the content, and what it had begun to. */
const MORE_RECEIVED_MIB_MAX = 2;
/** A root that is killed has lost what it did not write down, at the most. */
const LOST_WITH_ROOT_MIB_MAX = 32;
/** Of what is written down beside a copy, without and for each chunk. */
const SIDECAR_BYTES = 61;
const HASH_BYTES = 32;
const GOING_ON = /going on at ([\d.]+) MiB of 64\.0 MiB, where an earlier store ended/;

/** The size of the file in `incoming/` whose name ends like this. */
async function incomingBytes(peer: Peer, ending: '.part' | '.resume' = '.part'): Promise<number> {
  const name = (await peer.staged().catch(() => [])).find((each) => each.endsWith(ending));
  const found =
    name === undefined ? undefined : await stat(join(peer.storage, 'incoming', name)).catch(() => undefined);
  return found?.size ?? 0;
}

/** All whole chunks that came are written down. While more comes, what is written down lags behind. */
async function isSuspended(peer: Peer): Promise<boolean> {
  const chunks = Math.floor((await incomingBytes(peer)) / MIB);
  return chunks > 0 && (await incomingBytes(peer, '.resume')) === SIDECAR_BYTES + chunks * HASH_BYTES;
}

/** Begins to store a file of this name, and holds its root still once it has much of it. */
async function beginStore(network: Network, name: string, args: readonly string[] = []): Promise<RunningCommand> {
  const root = network.rootOf(name);
  const command = network.begin('store-file', [network.file(name), ...args]);
  await until('the root has much of it', async () => (await incomingBytes(root)) >= BROKEN_OFF_AT_MIB * MIB);
  root.halt();
  return command;
}

/** Ends the client in the midst of a store. */
async function breakOff(network: Network, name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const command = await beginStore(network, name);
  try {
    process.kill(command.pid, signal);
    await command.end();
  } finally {
    network.rootOf(name).goOn();
  }
  await until('the root has noticed', () => isSuspended(network.rootOf(name)));
}

/** How much a process has read so far, from sockets as from files. */
async function readMib({ pid }: Peer): Promise<number> {
  const counters = await readFile(`/proc/${String(pid)}/io`, 'utf8');
  return Number(/^rchar: (\d+)/.exec(counters)?.[1]) / MIB;
}

async function writeSource(network: Network, name: string, seed: number): Promise<string> {
  const content = pseudoRandom(SIZE_MIB * MIB, seed);
  await writeFile(network.file(name), content);
  return sha256(content);
}

function goneOnAtMib({ stderr }: Finished): number | undefined {
  const [, at] = GOING_ON.exec(stderr) ?? [];
  return at === undefined ? undefined : Number(at);
}

async function expectContent(peer: Peer, name: string, hash: string): Promise<void> {
  const path = `${keyOf(name).slice(0, 2)}/${name}`;
  await until('the file has its place', async () => (await storedFiles(peer.storage)).get(path) === hash);
}

async function expectStored(network: Network, name: string, hash: string): Promise<void> {
  const root = network.rootOf(name);
  await expectContent(root, name, hash);
  await until('nothing is left in incoming/', async () => (await root.staged()).length === 0);
  expect(await readdir(join(network.configDir, 'uploads'))).toEqual([]);
}

describe('a large store', () => {
  let network: Network;
  let root: Peer;
  beforeAll(async () => {
    network = await Network.start({ title: 'resume-store', peers: 1 });
    root = network.rootOf('any');
  });
  afterAll(() => network.close());

  it.runIf(process.platform === 'linux').each(['SIGKILL', 'SIGINT'] as const)(
    'whose client was ended by %s goes on where it was, and sends the rest only',
    async (signal) => {
      const name = `by-${signal.toLowerCase()}`;
      const hash = await writeSource(network, name, 1);
      await breakOff(network, name, signal);
      const before = await readMib(root);
      const finished = await network.run('store-file', [network.file(name)]);
      expect(finished.status, finished.stderr).toBe(0);
      const at = goneOnAtMib(finished) ?? 0;
      expect(at).toBeGreaterThanOrEqual(BROKEN_OFF_AT_MIB - 1);
      const received = (await readMib(root)) - before;
      expect(received).toBeLessThan(SIZE_MIB - at + MORE_RECEIVED_MIB_MAX);
      expect(received, 'what is counted is what comes in').toBeGreaterThan(SIZE_MIB - at);
      await expectStored(network, name, hash);
    },
  );

  it('whose client and root were killed goes on after the restart', async () => {
    const hash = await writeSource(network, 'both', 2);
    const command = await beginStore(network, 'both');
    process.kill(command.pid, 'SIGKILL');
    await command.end();
    await root.kill();
    await root.start();
    const finished = await network.run('store-file', [network.file('both')]);
    expect(finished.status, finished.stderr).toBe(0);
    expect(goneOnAtMib(finished)).toBeGreaterThanOrEqual(BROKEN_OFF_AT_MIB - LOST_WITH_ROOT_MIB_MAX);
    await expectStored(network, 'both', hash);
  });

  it('whose root was killed is gone on with by the same client', async () => {
    const hash = await writeSource(network, 'root', 3);
    const command = await beginStore(network, 'root');
    await root.kill();
    await root.start();
    const finished = await command.end();
    expect(finished.status, finished.stderr).toBe(0);
    expect(goneOnAtMib(finished)).toBeGreaterThanOrEqual(BROKEN_OFF_AT_MIB - LOST_WITH_ROOT_MIB_MAX);
    await expectStored(network, 'root', hash);
  });

  it('starts anew when the file was changed meanwhile', async () => {
    await writeSource(network, 'changed', 4);
    await breakOff(network, 'changed');
    const hash = await writeSource(network, 'changed', 5);
    const finished = await network.run('store-file', [network.file('changed')]);
    expect(finished.status, finished.stderr).toBe(0);
    expect(goneOnAtMib(finished)).toBeUndefined();
    await expectContent(root, 'changed', hash);
  });
});

describe('a large store on three peers', () => {
  let network: Network;
  beforeAll(async () => {
    network = await Network.start({ title: 'resume-replicas', peers: 3, replicas: 3 });
  });
  afterAll(() => network.close());

  it.runIf(process.platform === 'linux')('brings all of them the whole when it is gone on with', async () => {
    const hash = await writeSource(network, 'three', 6);
    await breakOff(network, 'three');
    const replicas = network.peers.filter((peer) => peer !== network.rootOf('three'));
    const before = await Promise.all(replicas.map(readMib));
    const finished = await network.run('store-file', [network.file('three'), '--wait', 'all']);
    expect(finished.status, finished.stderr).toBe(0);
    expect(goneOnAtMib(finished)).toBeGreaterThanOrEqual(BROKEN_OFF_AT_MIB - 1);
    const after = await Promise.all(replicas.map(readMib));
    // Once: who got the rest only had to be sent the whole by itself.
    for (const [i, read] of after.entries())
      expect(read - (before[i] ?? 0)).toBeLessThan(SIZE_MIB + MORE_RECEIVED_MIB_MAX);
    await expectStored(network, 'three', hash);
    for (const peer of network.peers) await expectContent(peer, 'three', hash);
  });

  it('begins anew when the disk has damaged what the root had kept', async () => {
    const hash = await writeSource(network, 'damaged', 7);
    await breakOff(network, 'damaged');
    const root = network.rootOf('damaged');
    const part = (await root.staged()).find((each) => each.endsWith('.part')) ?? '';
    const file = await open(join(root.storage, 'incoming', part), 'r+');
    await file.write(pseudoRandom(16, 8), 0, 16, 5 * MIB);
    await file.close();
    const finished = await network.run('store-file', [network.file('damaged'), '--wait', 'all']);
    expect(finished.status, finished.stderr).toBe(0);
    expect(goneOnAtMib(finished)).toBeUndefined();
    for (const peer of network.peers) await expectContent(peer, 'damaged', hash);
  });
});
