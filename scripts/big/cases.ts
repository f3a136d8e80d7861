/**
 * The ways of a file that is larger than memory. In each case the client is one process, told by its pid, and the
 * other process is the peer that is the file's root; pipes are the shell's own. Content is checked by its SHA-256.
 */

import { rm, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Network, Peer } from '../../test/e2e/harness/network.ts';
import { closest, keyOf } from '../../test/e2e/harness/oracle.ts';
import { Child } from '../lib/child.ts';
import { sha256OfFile } from '../lib/content.ts';
import type { CommandName } from '../lib/command.ts';
import { ROOT, type Scratch } from '../lib/scratch.ts';
import { MemoryWatch, type Memory } from './memory-watch.ts';
import type { SlowDisk } from './slow-disk.ts';

const GENERATOR = join(import.meta.dirname, 'generate.ts');
const SLOW_READER = join(import.meta.dirname, 'slow-reader.ts');
const NAME = 'big file';

export type Setting = {
  readonly scratch: Scratch;
  readonly network: Network;
  readonly bytes: number;
  /** Of the slow reader and the slow disk. */
  readonly slowBytesPerSecond: number;
  /** A file of `bytes` bytes, which follow from the seed. */
  readonly source: string;
  readonly seed: number;
  readonly sha256: string;
  readonly slowDisk: SlowDisk | undefined;
};

export type Result = { readonly client: Memory; readonly root: Memory; readonly elapsedMs: number };

export type Case = { readonly what: string; readonly run: (setting: Setting) => Promise<Result> };

export const CASES: readonly Case[] = [
  { what: 'store, from a file', run: (setting) => storing(setting, '"$SOURCE"') },
  { what: 'fetch, to a file', run: fetchToFile },
  {
    what: 'store, from a pipe of unknown length',
    run: (setting) => storing(setting, '- < <("$NODE" "$GENERATOR" "$BYTES" "$SEED")'),
  },
  { what: 'fetch, to a pipe', run: (setting) => fetchToPipe(setting, 'sha256sum') },
  { what: 'fetch, to a reader of 40 MB/s', run: (setting) => fetchToPipe(setting, '"$NODE" "$SLOW_READER" "$RATE"') },
  { what: 'store, to a disk of 40 MB/s', run: storeToSlowDisk },
];

/** Runs a line of bash in which the client takes the shell's place, and watches client and root meanwhile. */
async function watch(setting: Setting, command: CommandName, words: string): Promise<Result> {
  const { network, source, bytes, seed, slowBytesPerSecond, scratch } = setting;
  const root = rootOf(network);
  const rootWatch = new MemoryWatch(root.pid);
  const startedAt = performance.now();
  const child = new Child('bash', ['-c', `exec "$NODE" "$BIN/${command}" --quiet ${words}`], {
    env: {
      ...network.clientEnv,
      NODE: process.execPath,
      BIN: join(ROOT, 'bin'),
      NAME,
      SOURCE: source,
      GENERATOR,
      BYTES: String(bytes),
      SEED: String(seed),
      SLOW_READER,
      RATE: String(slowBytesPerSecond),
      SUM: scratch.file('sum'),
      TARGET: scratch.file('target'),
    },
  });
  const clientWatch = new MemoryWatch(child.pid);
  child.stdout.resume();
  const status = await child.ended;
  const elapsedMs = performance.now() - startedAt;
  const result = { client: clientWatch.end(), root: rootWatch.end(), elapsedMs };
  if (status !== 0) throw child.error(`ended with status ${status}`);
  if (!root.running) throw new Error(`${root.title} did not survive\n${root.log}`);
  return result;
}

function rootOf(network: Network): Peer {
  return network.peer(
    closest(
      network.peers.map(({ nodeId }) => nodeId),
      keyOf(NAME),
    ),
  );
}

/** Afterwards the file must lie on its root as it is. */
async function storing(setting: Setting, from: string): Promise<Result> {
  const result = await watch(setting, 'store-file', `--as "$NAME" ${from}`);
  const path = join(rootOf(setting.network).storage, 'files', keyOf(NAME).slice(0, 2), NAME);
  await expectContent(setting, await sha256OfFile(path), path);
  return result;
}

async function fetchToFile(setting: Setting): Promise<Result> {
  const result = await watch(setting, 'fetch-file', '"$NAME" --out "$TARGET"');
  const target = setting.scratch.file('target');
  await expectContent(setting, await sha256OfFile(target), target);
  await rm(target);
  return result;
}

/** @param reader a command that prints the SHA-256 of what it reads; it holds stderr open, so its end is waited for */
async function fetchToPipe(setting: Setting, reader: string): Promise<Result> {
  const result = await watch(setting, 'fetch-file', `"$NAME" --out - > >(${reader} > "$SUM")`);
  const [sum] = (await readFile(setting.scratch.file('sum'), 'utf8')).split(/\s/);
  await expectContent(setting, sum ?? '', 'what the reader got');
  return result;
}

async function storeToSlowDisk(setting: Setting): Promise<Result> {
  if (setting.slowDisk === undefined) throw new Error('there is no slow disk');
  await setting.slowDisk.hold(rootOf(setting.network).pid);
  return storing(setting, '"$SOURCE"');
}

function expectContent({ sha256 }: Setting, found: string, where: string): Promise<void> {
  if (found === sha256) return Promise.resolve();
  return Promise.reject(new Error(`${where} is not what was stored: SHA-256 ${found} instead of ${sha256}`));
}
