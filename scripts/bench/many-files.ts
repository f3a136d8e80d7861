/**
 * A peer that holds very many files, in a ring with one other that holds the same: how soon it is there after its start,
 * how much memory it takes, and what it costs to find the few in which the two differ. Directories are in the page cache.
 */

import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Network, Peer } from '../../test/e2e/harness/network.ts';
import { keyOf } from '../../test/e2e/harness/oracle.ts';
import { until } from '../../test/e2e/harness/until.ts';
import { askStatus } from '../../src/cli/control-client.ts';
import type { PeerStatus } from '../../src/peer/control-protocol.ts';
import { startNetwork } from '../lib/network.ts';
import { socketBytes } from '../lib/socket-bytes.ts';
import { carryOut, heldName } from './held-order.ts';
import { median, type Row, type Setting } from './setting.ts';

const REPLICAS = 3;
/** Missing on each of the two sides. */
const MISSING = 5;
const START_MS_MAX = 2_000;
const RESIDENT_MB_MAX = 250;
const EXCHANGED_KB_MAX = 200;
const RECONCILED_MS_MAX = 1_000;
const RECONCILED_TIMEOUT_MS = 60_000;
const STATUS_TIMEOUT_MS = 10_000;
const BYTES_PER_MB = 1e6;
const BYTES_PER_KB = 1e3;

type Samples = Record<'start' | 'empty' | 'resident' | 'reconciled' | 'exchanged' | 'after', number[]>;

export async function measureManyFiles({ scratch, sizes }: Setting): Promise<Row[]> {
  const network = await startNetwork(scratch.file('many-files'), 0, REPLICAS);
  scratch.defer(() => network.close());
  // The log tells when they become neighbours.
  const [first, second] = [newMember(network), newMember(network)];
  await second.start();
  const empty = (await restarts(first, sizes.rounds)).map(({ ms }) => ms);
  await second.stop();
  await carryOut({ paths: [first.storage, second.storage], fill: sizes.heldFiles });
  spawnSync('sync', ['-f', scratch.path]);

  await second.start();
  await checkHeld(second, sizes.heldFiles);
  const full = await restarts(first, sizes.rounds);
  await second.stop();
  const samples: Samples = {
    empty,
    start: full.map(({ ms }) => ms),
    resident: full.map(({ residentBytes }) => residentBytes / BYTES_PER_MB),
    reconciled: [],
    exchanged: [],
    after: [],
  };
  for (let round = 0; round < sizes.rounds; round++) await reconcile(first, second, sizes.heldFiles, round, samples);
  await network.close();
  return rows(sizes.heldFiles, samples);
}

function newMember(network: Network): Peer {
  return network.newPeer(['--log-level', 'debug']);
}

/**
 * From the start of the process to the line that says that it serves, in a ring with another peer: one that finds itself
 * alone waits for those it knew before.
 */
async function restarts(peer: Peer, rounds: number): Promise<{ ms: number; residentBytes: number }[]> {
  const samples: { ms: number; residentBytes: number }[] = [];
  // The first start makes it a member, or finds the catalog as filling left it, and does not count.
  for (let round = -1; round < rounds; round++) {
    const startedAt = performance.now();
    await peer.start();
    const ms = performance.now() - startedAt;
    const residentBytes = await peer.residentBytes();
    await peer.stop();
    if (round >= 0) samples.push({ ms, residentBytes });
  }
  return samples;
}

/** The first one runs already when the second one starts; time counts from when they are neighbours. */
async function reconcile(first: Peer, second: Peer, files: number, round: number, samples: Samples): Promise<void> {
  const missing = (side: number) => Array.from({ length: MISSING }, (_, i) => (round * 2 + side) * MISSING + i);
  const paths: string[] = [];
  for (const [side, peer] of [first, second].entries()) {
    await carryOut({ path: peer.storage, forget: missing(side) });
    paths.push(...missing(side).map((number) => placeOf(peer, heldName(number))));
  }
  for (const path of paths) if (await isThere(path)) throw new Error(`${path} was not taken out`);
  await first.start();
  const starting = second.start();
  const copied = Promise.all(
    paths.map((path) => until(`${path} is copied`, () => isThere(path), RECONCILED_TIMEOUT_MS)),
  );
  const copiedAtMs = copied.then(() => Date.now());
  await starting;
  samples.reconciled.push((await copiedAtMs) - metAtMs(first, second));
  // Both go on comparing for a moment; all of that counts.
  await until('both have nothing to do', async () => (await isIdle(first)) && (await isIdle(second)));
  for (const peer of [first, second]) await checkHeld(peer, files);
  samples.exchanged.push((await bytesBetween(first, second)) / BYTES_PER_KB);
  samples.after.push((await first.residentBytes()) / BYTES_PER_MB);
  await second.stop();
  await first.stop();
}

function placeOf(peer: Peer, name: string): string {
  return join(peer.storage, 'files', keyOf(name).slice(0, 2), name);
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** When the ring was first one of both: by the log of either, whoever noticed first. Ms since 1970. */
function metAtMs(first: Peer, second: Peer): number {
  const times = [
    [first, second.nodeId],
    [second, first.nodeId],
  ] as const;
  const seen = times.map(([peer, other]) => {
    const line = new RegExp(`^(\\S+) debug leaf-set nodeIds=\\S*${other}`, 'm').exec(peer.runLog);
    return Date.parse(line?.[1] ?? '');
  });
  const known = seen.filter((time) => !Number.isNaN(time));
  if (known.length === 0) throw new Error('the two peers have not met');
  return Math.min(...known);
}

async function checkHeld(peer: Peer, files: number): Promise<void> {
  const status = await statusOf(peer);
  if (status.files !== files) throw new Error(`${peer.title} holds ${status.files} files instead of ${files}`);
}

async function isIdle(peer: Peer): Promise<boolean> {
  const { repair } = await statusOf(peer);
  return repair.underWay === 0 && repair.waiting === 0;
}

function statusOf(peer: Peer): Promise<PeerStatus> {
  return askStatus(peer.storage, { signal: AbortSignal.timeout(STATUS_TIMEOUT_MS) });
}

/** Both directions, on every connection between the two since it was opened: handshakes and joining are in it. */
async function bytesBetween(first: Peer, second: Peer): Promise<number> {
  const others = new Set((await socketBytes(second.pid)).map(({ local, remote }) => `${remote} ${local}`));
  const between = (await socketBytes(first.pid)).filter(({ local, remote }) => others.has(`${local} ${remote}`));
  if (between.length === 0) throw new Error('the two peers have no connection');
  return between.reduce((sum, { sent, received }) => sum + sent + received, 0);
}

function rows(files: number, { start, empty, resident, reconciled, exchanged, after }: Samples): Row[] {
  const row = (what: string, unit: Row['unit'], samples: number[], atMost?: number): Row => ({
    what,
    figure: median(samples),
    unit,
    ...(atMost === undefined ? {} : { target: { atMost } }),
    samples,
  });
  return [
    row(`p2p-peer start with ${files} files, until ready`, 'ms', start, START_MS_MAX),
    row('for comparison: with none', 'ms', empty),
    row(`memory of it, resident, after the start`, 'MB', resident, RESIDENT_MB_MAX),
    row(`memory of it, resident, after a comparison`, 'MB', after, RESIDENT_MB_MAX),
    row(`${2 * MISSING} of ${files} found to differ, and copied`, 'ms', reconciled, RECONCILED_MS_MAX),
    row('bytes exchanged for that, both directions', 'KB', exchanged, EXCHANGED_KB_MAX),
  ];
}
