/**
 * What three copies of a large file cost over one: processor time of everybody together, until the last copy is in its
 * place, in turns in two rings of the same size; and what the root has to send for what it receives.
 */

import { spawnSync } from 'node:child_process';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Network } from '../../test/e2e/harness/network.ts';
import { closestOnes, keyOf } from '../../test/e2e/harness/oracle.ts';
import { until } from '../../test/e2e/harness/until.ts';
import { results, runJson, type StoreLine } from '../lib/command.ts';
import { writePseudoRandom } from '../lib/content.ts';
import { cpuMs, endedChildrenCpuMs } from '../lib/cpu-time.ts';
import { startNetwork } from '../lib/network.ts';
import { since, socketBytes } from '../lib/socket-bytes.ts';
import { median, medianRatio, type Row, type Setting } from './setting.ts';

const PEERS = 6;
const REPLICAS = 3;
const CPU_RATIO_MAX = 3.3;
const SENT_PER_RECEIVED_MAX = 1.05;
const PLACED_TIMEOUT_MS = 120_000;
const BYTES_PER_MB = 1e6;

export async function measureReplicas({ scratch, sizes }: Setting): Promise<Row[]> {
  const source = scratch.file('copied-source');
  await writePseudoRandom(source, sizes.copiedBytes, 4);
  const one = await startNetwork(scratch.file('one-copy'), PEERS);
  scratch.defer(() => one.close());
  const several = await startNetwork(scratch.file('several-copies'), PEERS, REPLICAS);
  scratch.defer(() => several.close());
  const cpu = { one: [] as number[], several: [] as number[] };
  // The first round does not count: pages are cached, code is compiled.
  for (let round = -1; round < sizes.copiedRounds; round++) {
    spawnSync('sync', ['-f', scratch.path]);
    const single = await storeCpuMs(one, source, `copied-${round}`, 1);
    spawnSync('sync', ['-f', scratch.path]);
    const replicated = await storeCpuMs(several, source, `copied-${round}`, REPLICAS);
    if (round < 0) continue;
    cpu.one.push(single / 1000);
    cpu.several.push(replicated / 1000);
  }
  const traffic = await rootTraffic(several, source, sizes.copiedBytes);
  await Promise.all([one.close(), several.close()]);
  await rm(source);
  const what = 'CPU of all processes, store to the last copy';
  return [
    { what: `${what}, k = 1`, figure: median(cpu.one), unit: 's', samples: cpu.one },
    {
      what: `${what}, k = ${REPLICAS}`,
      figure: median(cpu.several),
      unit: 's',
      yardstick: { name: 'k = 1', figure: median(cpu.one) },
      ratio: medianRatio(cpu.several, cpu.one),
      target: { atMost: CPU_RATIO_MAX },
      samples: cpu.several,
    },
    {
      what: `sent by the root, on all its sockets, k = ${REPLICAS}`,
      figure: traffic.sent / BYTES_PER_MB,
      unit: 'MB',
      yardstick: { name: 'what it received', figure: traffic.received / BYTES_PER_MB },
      ratio: traffic.sent / traffic.received,
      target: { atMost: SENT_PER_RECEIVED_MAX },
      samples: [traffic.sent / BYTES_PER_MB],
    },
  ];
}

/** Of client, peers and discovery peer, from the start of the client until every copy lies in its place. */
async function storeCpuMs(network: Network, source: string, name: string, copies: number): Promise<number> {
  const services = [network.discovery, ...network.peers].map(({ pid }) => pid);
  const spent = async () => (await cpuMs(services)) + (await endedChildrenCpuMs());
  const before = await spent();
  const args = [source, '--as', name, '--wait', 'quorum'];
  results('store-file', await runJson<StoreLine>('store-file', args, network.clientEnv));
  await untilPlaced(network, source, name, copies);
  const after = await spent();
  await remove(network, name, copies);
  return after - before;
}

/** Stored by this process, so that the connection is still there to be asked for its bytes when all copies are made. */
async function rootTraffic(
  network: Network,
  source: string,
  bytes: number,
): Promise<{ sent: number; received: number }> {
  const name = 'copied, and counted';
  const root = network.rootOf(name);
  const store = await network.connect();
  const before = await socketBytes(root.pid);
  const receipt = await store.store(name, { path: source }, { wait: 'quorum' });
  if (receipt.root.nodeId !== root.nodeId) throw new Error(`${receipt.root.nodeId} took the file, not the root`);
  await untilPlaced(network, source, name, REPLICAS);
  const traffic = since(before, await socketBytes(root.pid));
  if (traffic.received < bytes) throw new Error('the root received less than the file');
  await store.close();
  return traffic;
}

function places(network: Network, name: string, copies: number): string[] {
  const key = keyOf(name);
  return closestOnes(network.nodeIds, key, copies).map((nodeId) =>
    join(network.peer(nodeId).storage, 'files', key.slice(0, 2), name),
  );
}

async function untilPlaced(network: Network, source: string, name: string, copies: number): Promise<void> {
  const { size } = await stat(source);
  for (const path of places(network, name, copies)) {
    const isThere = async () => (await stat(path).catch(() => undefined))?.size === size;
    await until(`a copy of ${name} is at ${path}`, isThere, PLACED_TIMEOUT_MS);
  }
}

/** Not part of what is measured: the disk is to have room, and the next measurement not to pay for it. */
async function remove(network: Network, name: string, copies: number): Promise<void> {
  const { status, stderr } = await network.run('p2p-peer', ['rm', name]);
  if (status !== 0) throw new Error(`p2p-peer rm ended with status ${status}\n${stderr}`);
  for (const path of places(network, name, copies)) {
    const isGone = async () => (await stat(path).catch(() => undefined)) === undefined;
    await until(`${path} is removed`, isGone, PLACED_TIMEOUT_MS);
  }
}
