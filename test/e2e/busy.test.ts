/**
 * Being busy is not being dead: while a large file goes through a peer, and something else keeps a core of the machine to
 * itself, no peer is taken for dead, nor even suspected. The file is 256 MiB, or what P2P_TEST_BUSY_MIB says.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { guardChild } from './harness/clean-up.ts';
import { sha256OfFile, writePseudoRandom } from './harness/content.ts';
import { EntryPeers } from './harness/entry-peers.ts';
import { Network } from './harness/network.ts';
import { closest, keyOf, tellingKeys } from './harness/oracle.ts';

const PEERS = 8;
const BYTES = Number(process.env['P2P_TEST_BUSY_MIB'] ?? 256) * 1024 * 1024;
/**
 * Of all peers together. A machine that others use, too, can keep a process waiting for longer than the 150 ms in which an
 * ack is expected; who is blocked by its own work is suspected again and again.
 */
const SUSPICIONS_MAX = 5;
/** Also on a slow disk. */
const TRANSFER_TIMEOUT_MS = 100_000;

let network: Network;
let entries: EntryPeers;
let busyLoop: ChildProcess;
beforeAll(async () => {
  network = await Network.start({ title: 'busy', peers: PEERS, peerArgs: ['--log-level', 'debug'] });
  entries = await EntryPeers.open(network);
  busyLoop = spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' });
  guardChild(busyLoop);
});
afterAll(async () => {
  busyLoop.kill('SIGKILL');
  await entries.close();
  await network.close();
});

/** What all peers said of each other's lives. */
function said(event: 'peer-suspected' | 'peer-gone'): string[] {
  return network.peers.flatMap(({ log, nodeId }) =>
    log.split('\n').flatMap((line) => (line.includes(` ${event} `) ? [`${nodeId}: ${line}`] : [])),
  );
}

/** One lookup after the other through every peer, for as long as that is under way. */
async function lookUpDuring(underWay: Promise<unknown>): Promise<{ lookups: number; slowestMs: number }> {
  const state = { over: false };
  const end = underWay.catch(() => undefined).finally(() => (state.over = true));
  const ids = network.nodeIds;
  const keys = tellingKeys(ids);
  let [lookups, slowestMs] = [0, 0];
  await Promise.all(
    network.peers.map(async (entry) => {
      for (let i = 0; !state.over; i = (i + 1) % keys.length) {
        const startedAt = performance.now();
        const key = keys[i] ?? '';
        expect(await entries.rootOf(key, entry)).toBe(closest(ids, key));
        lookups++;
        slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      }
    }),
  );
  await end;
  return { lookups, slowestMs };
}

it('nobody is taken for dead, nor suspected, while a large file goes in and out, a core is taken, and lookups go on', async () => {
  const source = network.file('large');
  const hash = await writePseudoRandom(source, BYTES, 1);
  const options = { timeoutMs: TRANSFER_TIMEOUT_MS };
  const before = said('peer-suspected').length;
  const transfer = async (): Promise<void> => {
    const [stored] = await network.succeed('store-file', [source], options);
    expect(stored?.root.nodeId).toBe(closest(network.nodeIds, keyOf('large')));
    await network.succeed('fetch-file', ['large', '--out', network.file('copy')], options);
  };
  const transferring = transfer();
  const startedAt = performance.now();
  const { lookups, slowestMs } = await lookUpDuring(transferring);
  await transferring;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(
    `${seconds} s in and out, ${String(lookups)} lookups meanwhile, the slowest in ${slowestMs.toFixed(0)} ms`,
  );
  expect(await sha256OfFile(network.file('copy'))).toBe(hash);
  expect(said('peer-gone')).toEqual([]);
  const suspicions = said('peer-suspected').length - before;
  console.log(`${String(suspicions)} suspicions`);
  expect(suspicions, said('peer-suspected').join('\n')).toBeLessThanOrEqual(SUSPICIONS_MAX);
});
