/**
 * Ctrl-C: at once, with status 130, and nothing half-done is left behind.
 */

import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginBothWays, beginStore, expectBothFail, expectFailure, expectPlainFailure } from './failing.ts';
import { filesBelow, pseudoRandom } from './harness/content.ts';
import { Network } from './harness/network.ts';
import { tcpSockets } from './harness/sockets.ts';
import { until } from './harness/until.ts';

const MIB = 1024 * 1024;
const SEVERAL_CHUNKS = 3 * MIB;

let network: Network;
beforeAll(async () => {
  network = await Network.start({ title: 'interrupt', peers: 3 });
});
afterAll(() => network.close());

describe('status 130', () => {
  const failing = { status: 130, code: 'INTERRUPTED' };

  it('Ctrl-C while a pipe is being stored: nothing of it is kept', async () => {
    const root = network.rootOf('interrupted');
    const stores = beginBothWays(network, 'store-file', ['--as', 'interrupted', '-']);
    for (const [index, store] of stores.entries()) {
      await beginStore(store, root, pseudoRandom(SEVERAL_CHUNKS, 130), index);
    }
    for (const store of stores) process.kill(store.pid, 'SIGINT');
    await expectBothFail('store-file', stores, failing);
    await until('what was staged is gone', async () => (await root.staged()).length === 0);
    await expectFailure(network, 'fetch-file', ['interrupted'], { status: 3, code: 'NOT_FOUND' });
  });

  it('Ctrl-C while nobody reads what fetch-file writes', async () => {
    await network.put('large', pseudoRandom(8 * MIB, 131));
    const running = network.begin('fetch-file', ['large', '--out', '-']);
    running.child.stdout.once('data', () => running.child.stdout.pause());
    await until('some of it has come', () => running.stdoutBytes > 0);
    process.kill(running.pid, 'SIGINT');
    await once(running.child, 'exit');
    running.child.stdout.resume();
    const finished = await running.end();
    expectPlainFailure('fetch-file', finished, failing);
    expect(finished.stdout.length).toBeLessThan(8 * MIB);
  });

  it('Ctrl-C while the peer that has the file is silent leaves nothing behind', async () => {
    const out = await network.directory('interrupted-out');
    await network.put('slow', pseudoRandom(2 * MIB, 132));
    const root = network.rootOf('slow');
    root.halt();
    try {
      const fetches = beginBothWays(
        network,
        'fetch-file',
        ['slow', '--out', join(out, 'json')],
        ['slow', '--out', join(out, 'plain')],
      );
      for (const fetch of fetches) {
        await until('it is connected', async () => (await tcpSockets(fetch.pid)) > 0);
        process.kill(fetch.pid, 'SIGINT');
      }
      await expectBothFail('fetch-file', fetches, failing);
    } finally {
      root.goOn();
    }
    expect(await filesBelow(out)).toEqual([]);
  });
});
