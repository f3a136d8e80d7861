/**
 * Files all of whose copies lie with peers that are away and expected back: nobody may be told that they do not exist, and
 * what is stored meanwhile and acknowledged must not be undone when those peers return.
 */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { Network, type Peer } from '../e2e/harness/network.ts';
import { closestOnes, keyOf } from '../e2e/harness/oracle.ts';

const PEERS = 6;
const COPIES = 3;
const UNREACHABLE = 6;
const SINGLE = 'on one peer';
const THREE = 'on three peers';

let network: Network;
let away: Peer[];

beforeAll(async () => {
  network = await Network.start({ title: 'away', peers: PEERS, replicas: COPIES });
  for (const content of ['old 1', 'old 2', 'old 3']) {
    await network.succeed('store-file', ['--wait', 'all', '--as', THREE, '-'], { stdin: content });
  }
  await network.succeed('store-file', ['--replicas', '1', '--as', SINGLE, '-'], { stdin: 'single' });
});
afterAll(() => network.close());

it('a file of one copy, whose peer is away, is not said not to exist', async () => {
  const root = network.rootOf(SINGLE);
  await root.stop();
  const { status } = await network.run('fetch-file', [SINGLE, '--out', '-']);
  await root.start();
  expect(status).toBe(UNREACHABLE);
});

it('a reader hears that it cannot be told', async () => {
  away = closestOnes(network.nodeIds, keyOf(THREE), COPIES).map((nodeId) => network.peer(nodeId));
  for (const peer of away) await peer.stop();
  const { status, stderr } = await network.run('fetch-file', [THREE, '--out', '-']);
  expect(status, stderr).toBe(UNREACHABLE);
  expect(stderr).toContain('away and expected back');
});

it('so does who removes it', async () => {
  const { status, stderr } = await network.run('p2p-peer', ['rm', THREE]);
  expect(status, stderr).toBe(UNREACHABLE);
});

it('what is stored meanwhile, and acknowledged, is there when they are back', async () => {
  const { status } = await network.run('store-file', ['--as', THREE, '-'], { stdin: 'new' });
  for (const peer of away) await peer.start();
  const { stdout } = await network.run('fetch-file', [THREE, '--out', '-']);
  expect(stdout.toString()).toBe(status === 0 ? 'new' : 'old 3');
});
