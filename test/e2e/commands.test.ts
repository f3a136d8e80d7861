/**
 * The commands of p2p-peer on a network of three real peers: about the network, and about the peer of this machine.
 */

import { mkdir, open, readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PeerStatus, VerifyReport } from '../../src/peer/control-protocol.ts';
import type { Explanation, FileEntry, StatResult } from '../../src/client/types.ts';
import { expectJsonFailure } from './failing.ts';
import { pseudoRandom, sha256 } from './harness/content.ts';
import type { Finished } from './harness/command.ts';
import { Network, type Peer } from './harness/network.ts';
import { keyOf } from './harness/oracle.ts';
import { until } from './harness/until.ts';

const MIB = 1024 * 1024;
const LISTED = 150;
/** No discovery address: what is left is to ask the peer of this machine. */
const UNTOLD = { P2P_DISCOVERY: '' };

let network: Network;
beforeAll(async () => {
  network = await Network.start({ title: 'commands', peers: 3, discoveryArgs: ['--replicas', '1'] });
});
afterAll(() => network.close());

function firstPeer(): Peer {
  const [first] = network.peers;
  if (first === undefined) throw new Error('there are peers');
  return first;
}

function command(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  return network.run('p2p-peer', args, { env });
}

async function answer<T>(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<T[]> {
  const finished = await command([...args, '--json'], env);
  expect({ status: finished.status, stderr: finished.stderr }).toEqual({ status: 0, stderr: '' });
  return finished.json<T>();
}

/** Exactly what the name's root holds. */
async function flipByte(name: string): Promise<void> {
  const file = await open(await network.placeOf(name), 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 0);
  await file.write(Buffer.of((buffer[0] ?? 0) ^ 1), 0, 1, 0);
  await file.close();
}

describe('every command', () => {
  it.each(['p2p-peer', 'p2p-discovery', 'store-file', 'fetch-file'] as const)('%s tells its version', async (name) => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    const { status, stdout } = await network.run(name, ['--version']);
    expect([status, stdout.toString()]).toEqual([0, `${version}\n`]);
  });

  it('helps by "help" and "help start"', async () => {
    const [whole, start] = await Promise.all([command(['help']), command(['help', 'start'])]);
    expect([whole.status, start.status]).toEqual([0, 0]);
    expect(whole.stdout.toString()).toContain('explain');
    expect(start.stdout.toString()).toContain('--capacity');
  });
});

describe('about the peer of this machine', () => {
  it('status tells id, network, neighbours and what it holds', async () => {
    const peer = firstPeer();
    const [status] = await answer<PeerStatus>(['status', '--storage', peer.storage]);
    const others = network.nodeIds.filter((id) => id !== peer.nodeId);
    expect(status).toMatchObject({ nodeId: peer.nodeId, peerId: peer.ready.peerId, addrs: peer.ready.addrs });
    expect(status?.leafSet.toSorted()).toEqual(others.toSorted());
    expect(status?.network.replicas).toBe(1);
    expect((await stat(join(peer.storage, 'control.sock'))).mode & 0o777).toBe(0o600);
    const { stdout, stderr } = await command(['status', '--storage', peer.storage]);
    expect(stdout.toString()).toContain(peer.nodeId);
    expect(stderr).toBe('');
  });

  it('status says with 6 that no peer runs there, also after one was killed', async () => {
    const [json, plain] = await Promise.all([
      command(['status', '--json', '--storage', network.dir]),
      command(['status', '--storage', network.dir]),
    ]);
    expectJsonFailure(json, { status: 6, code: 'UNREACHABLE' });
    expect(plain.stderr).toContain('no peer runs');
    expect(plain.stderr).toContain('p2p-peer start');
    const other = await network.addPeer();
    await other.kill();
    expect(await readdir(other.storage)).toContain('control.sock');
    expectJsonFailure(await command(['status', '--json', '--storage', other.storage]), {
      status: 6,
      code: 'UNREACHABLE',
    });
    await other.start();
    await answer(['status', '--storage', other.storage]);
    await other.stop();
    expect(await readdir(other.storage)).not.toContain('control.sock');
    network.peers.splice(network.peers.indexOf(other), 1);
  });

  it('verify finds a copy that was changed, and ends with 5', async () => {
    await network.put('sound', pseudoRandom(3 * MIB, 1));
    await network.put('changed', pseudoRandom(3 * MIB, 2));
    const { storage } = network.rootOf('changed');
    const [sound] = await answer<VerifyReport>(['verify', '--storage', storage]);
    expect(sound?.damagedFiles).toBe(0);
    await flipByte('changed');
    const damaged = await command(['verify', 'changed', '--json', '--storage', storage]);
    expect(damaged.status).toBe(5);
    expect(damaged.json<VerifyReport>()[0]).toMatchObject({
      files: 1,
      damagedFiles: 1,
      damaged: [{ name: 'changed' }],
    });
    const missing = await command(['verify', 'nothing', '--json', '--storage', storage]);
    expectJsonFailure(missing, { status: 3, code: 'NOT_FOUND' });
    await command(['rm', 'changed']);
  });
});

describe('about the network', () => {
  it('ls lists all names, in order and by prefix, and more with -l', async () => {
    const names = Array.from({ length: LISTED }, (_, index) => `ls/${String(index).padStart(3, '0')}`);
    const dir = await network.directory('ls');
    await Promise.all(names.map(async (name) => (await open(join(dir, name.slice(3)), 'w')).close()));
    await network.succeed('store-file', [dir]);
    const plain = await command(['ls', 'ls/']);
    expect(plain.stdout.toString()).toBe(names.map((name) => `${name}\n`).join(''));
    expect(plain.stderr).toBe('');
    const entries = await answer<FileEntry>(['ls', 'ls/01']);
    expect(entries.map(({ name }) => name)).toEqual(names.slice(10, 20));
    const long = await command(['ls', '-l', 'ls/000']);
    expect(long.stdout.toString()).toMatch(/^ +0 {2}1-[0-9a-f]{32} {2}12D3\w+ {2}ls\/000\n$/);
    const none = await command(['ls', 'nothing begins so']);
    expect([none.status, none.stdout.length]).toEqual([0, 0]);
  });

  it('stat tells one file, and rm removes it', async () => {
    await network.put('one', 'content');
    const [found] = await answer<StatResult>(['stat', 'one']);
    expect(found).toMatchObject({ name: 'one', size: 7, sha256: sha256('content'), key: keyOf('one') });
    expect((await command(['stat', 'one'])).stdout.toString()).toContain(sha256('content'));
    const removed = await command(['rm', '--json', 'one', 'nobody-has-it']);
    expect(removed.status).toBe(3);
    expect(removed.json().map(({ name }) => name)).toContain('one');
    expectJsonFailure(await command(['stat', 'one', '--json']), { status: 3, code: 'NOT_FOUND' });
  });

  it('rm is refused to who does not own the file, and works with the key of who does', async () => {
    await network.put('owned', 'content');
    const other = { P2P_CONFIG_DIR: await network.directory('stranger') };
    const refused = await command(['rm', '--json', 'owned'], other);
    expectJsonFailure(refused, { status: 9, code: 'NOT_PERMITTED' });
    const key = network.file('owner.key');
    expect((await command(['identity', 'export', key])).status).toBe(0);
    expect((await command(['rm', 'owned', '--identity', key], other)).status).toBe(0);
  });

  it('explain tells key, route, holders and their versions', async () => {
    await network.put('explained', 'content');
    const root = network.rootOf('explained');
    const [explanation] = await answer<Explanation>(['explain', 'explained']);
    expect(explanation).toMatchObject({ key: keyOf('explained'), root: { nodeId: root.nodeId } });
    expect(explanation?.path.at(-1)).toBe(root.nodeId);
    expect(explanation?.route.map(({ nodeId }) => nodeId)).toEqual(explanation?.path);
    for (const { roundTripMs } of explanation?.route ?? []) expect(roundTripMs).toBeGreaterThan(0);
    expect(explanation?.holders[0]).toMatchObject({ nodeId: root.nodeId, rank: 1, state: 'present', size: 7 });
    const [absent] = await answer<Explanation>(['explain', 'never stored']);
    expect(absent?.holders[0]).toMatchObject({ rank: 1, state: 'absent', inReplicaSet: true });
    expect((await command(['explain', 'explained'])).stdout.toString()).toContain('has it');
  });

  it('is found through the peer of this machine, also while the discovery peer is away and nobody is remembered', async () => {
    await network.put('found', 'content');
    const { storage } = firstPeer();
    const env = { ...UNTOLD, P2P_STORAGE: storage, P2P_CONFIG_DIR: await network.directory('newcomer') };
    expect((await answer<StatResult>(['stat', 'found'], env))[0]?.size).toBe(7);
    await network.discovery.stop();
    try {
      const fresh = { ...env, P2P_CONFIG_DIR: await network.directory('newcomer-2') };
      const fetched = await network.run('fetch-file', ['found', '--out', '-'], { env: fresh });
      expect([fetched.status, fetched.stdout.toString()]).toEqual([0, 'content']);
    } finally {
      await network.discovery.start(['--listen', network.address.replace(/\/p2p\/.*/, '')]);
    }
  });

  it('needs either a discovery peer or a peer of this machine', async () => {
    const cwd = network.file('nowhere');
    await mkdir(cwd, { recursive: true });
    const finished = await network.run('p2p-peer', ['ls', '--json'], { env: UNTOLD, cwd });
    expectJsonFailure(finished, { status: 6, code: 'UNREACHABLE' });
    await until('nothing was made there', async () => (await readdir(cwd)).length === 0);
  });
});
