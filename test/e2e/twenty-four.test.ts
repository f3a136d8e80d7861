/**
 * The main job on real input: twenty-four peers, a discovery peer and clients, each a process of its own, and 500 files
 * from empty to 64 MB. What the commands report is held against a brute-force oracle and against the peers' directories.
 */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileStore } from '../../src/client/file-store.ts';
import type { Route } from '../../src/client/types.ts';
import type { JsonLine } from './harness/command.ts';
import { sha256OfFile, storedFiles, writePseudoRandom } from './harness/content.ts';
import { Network, type Peer } from './harness/network.ts';
import { closest, idealMeanHops, keyOf } from './harness/oracle.ts';
import { until } from './harness/until.ts';

const PEERS = 24;
const PEERS_LATER = 8;
const FILES = 500;
const CALLS = 10;
const KIB = 1024;
const MIB = 1024 * KIB;
/** Sizes around every limit, and a few large ones; the rest is small. About 130 MiB together. */
const SPECIAL_SIZES = [
  ...[0, 0, 0, 1, 2, 4095, 4096, 4097, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1],
  ...[MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 3 * MIB + 17],
  ...[64 * MIB, 16 * MIB + 5, 8 * MIB, 4 * MIB - 1],
];
/** Of a small file, retries included, on a machine that starts eight processes at the same time. */
const FETCH_MS_MAX = 10_000;
const SMALL_BYTES = MIB;
const FETCHES_AT_ONCE = 4;

type File = { readonly name: string; readonly path: string; readonly size: number; readonly sha256: string };

let network: Network;
const files: File[] = [];
/** What store-file said, by name. */
const stored = new Map<string, JsonLine>();
/** Every lookup so far. */
const routes: Route[] = [];

function sizeOf(index: number): number {
  return SPECIAL_SIZES[index] ?? 7 * ((index * index) % 9_973);
}

function batch(call: number): readonly File[] {
  return files.filter((_file, index) => index % CALLS === call);
}

beforeAll(async () => {
  network = await Network.start({ title: 'twenty-four', peers: PEERS });
  await network.directory('in');
  for (let index = 0; index < FILES; index++) {
    const name = `file-${String(index).padStart(3, '0')}.bin`;
    const path = network.file('in', name);
    const size = sizeOf(index);
    files.push({ name, path, size, sha256: await writePseudoRandom(path, size, index) });
  }
});
afterAll(() => network.close());

/** Fetches into memory and throws the bytes away once they are hashed. */
async function fetchHashed(store: FileStore, name: string): Promise<string> {
  const hash = createHash('sha256');
  await store.fetch(name, {
    write: (parts) => {
      for (const part of parts) hash.update(part);
      return Promise.resolve();
    },
  });
  return hash.digest('hex');
}

describe('twenty-four peers', () => {
  it('have ids of their own', () => {
    expect(new Set(network.nodeIds).size).toBe(PEERS);
  });

  it('take 500 files, each at the peer that is closest by brute force, through changing entry peers', async () => {
    const entries = new Set<string>();
    for (let call = 0; call < CALLS; call++) {
      const lines = await network.succeed(
        'store-file',
        batch(call).map(({ path }) => path),
      );
      for (const line of lines) {
        stored.set(line.name, line);
        routes.push(line);
        entries.add(line.path[0] ?? '');
      }
    }
    expect(entries.size).toBeGreaterThan(1);
    expect(stored.size).toBe(FILES);
    for (const { name, size, sha256 } of files) {
      const line = stored.get(name);
      expect(line, name).toMatchObject({ key: keyOf(name), size, sha256 });
      const root = closest(network.nodeIds, keyOf(name));
      expect(line?.root, name).toEqual({ nodeId: root, peerId: network.peer(root).ready.peerId });
      expect(line?.path.at(-1), name).toBe(root);
      expect(line?.hops, name).toBe((line?.path.length ?? 0) - 1);
      expect(line?.replicas, name).toEqual([line?.root]);
    }
  });

  it('hold exactly those files, as plain files with the right content', async () => {
    for (const peer of network.peers) {
      const expected = new Map(
        files
          .filter(({ name }) => stored.get(name)?.root.nodeId === peer.nodeId)
          .map(({ name, sha256 }) => [join(keyOf(name).slice(0, 2), name), sha256]),
      );
      // A file gets its place soon after it was acknowledged.
      await until(
        `${peer.title} has all its files`,
        async () => (await storedFiles(peer.storage)).size === expected.size,
      );
      expect(await storedFiles(peer.storage)).toEqual(expected);
    }
  });

  it('give every file back, byte for byte, through other entry peers', async () => {
    for (let call = 0; call < CALLS; call++) {
      const wanted = batch(call);
      const storedThrough = stored.get(wanted[0]?.name ?? '')?.path[0];
      const out = network.file('out', String(call));
      const lines = await until('the discovery peer names another entry peer', async () => {
        const args = ['--out', out, '--overwrite', ...wanted.map(({ name }) => name)];
        const fetched = await network.succeed('fetch-file', args);
        return fetched[0]?.path[0] !== storedThrough && fetched;
      });
      routes.push(...lines);
      expect(lines.map(({ name }) => name).sort()).toEqual(wanted.map(({ name }) => name).sort());
      for (const line of lines) expect(line.from, line.name).toEqual(stored.get(line.name)?.root);
      for (const { name, sha256 } of wanted) expect(await sha256OfFile(join(out, name)), name).toBe(sha256);
    }
  });

  it('need as many hops as perfect tables would, within a tenth', async () => {
    const meansOf = (sample: readonly Route[]) => {
      const asked = sample.map(({ path, key }) => ({ entry: path[0] ?? '', key }));
      const mean = sample.reduce((sum, { hops }) => sum + hops, 0) / sample.length;
      return { mean, ideal: idealMeanHops(network.nodeIds, asked) };
    };
    const { mean, ideal } = meansOf(routes);
    console.log(`stores and fetches: mean hops ${mean.toFixed(3)}, perfect tables ${ideal.toFixed(3)}`);
    // A machine that is too busy has peers suspected for a moment, and routed around: so the quiet ring is what counts.
    const quiet = await until('a quiet ring needs as many hops as perfect tables', async () => {
      const sample: Route[] = [];
      for (let client = 0; client < 4; client++) {
        const store = await network.connect(network.file('lookup', String(performance.now())));
        sample.push(...(await Promise.all(files.map(({ name }) => store.lookup(name)))));
        await store.close();
      }
      const means = meansOf(sample);
      console.log(`lookups: mean hops ${means.mean.toFixed(3)}, perfect tables ${means.ideal.toFixed(3)}`);
      return Math.abs(means.mean / means.ideal - 1) < 0.1 && means;
    });
    expect(quiet.mean).toBeGreaterThan(0);
  });
});

describe('eight more peers', () => {
  it('join while every file stays within reach, from the first second on', async () => {
    const [all, again] = [await network.connect(), await network.connect()];
    const progress: { joined: Peer[] | undefined } = { joined: undefined };
    const joining = network.addPeers(PEERS_LATER).then((peers) => (progress.joined = peers));
    let slowestMs = 0;
    let fetched = 0;
    const fetchAll = async (store: FileStore, order: readonly File[]): Promise<void> => {
      const waiting = [...order];
      const worker = async (): Promise<void> => {
        for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
          const startedAt = performance.now();
          expect(await fetchHashed(store, file.name), file.name).toBe(file.sha256);
          if (file.size <= SMALL_BYTES) slowestMs = Math.max(slowestMs, performance.now() - startedAt);
          fetched++;
        }
      };
      await Promise.all(Array.from({ length: FETCHES_AT_ONCE }, worker));
    };
    const small = files.filter(({ size }) => size <= SMALL_BYTES).toReversed();
    /** Until a whole round has begun after the last peer joined. */
    const fetchOverAndOver = async (): Promise<void> => {
      for (let last = false; !last;) {
        last = progress.joined !== undefined;
        await fetchAll(again, small);
      }
    };
    await Promise.all([fetchAll(all, files), fetchOverAndOver(), joining]);
    console.log(`${String(fetched)} fetches while eight peers joined, the slowest in ${slowestMs.toFixed(0)} ms`);
    expect(slowestMs).toBeLessThan(FETCH_MS_MAX);
  });

  it('are the roots of what is closest to them', async () => {
    const ids = network.nodeIds;
    expect(ids.length).toBe(PEERS + PEERS_LATER);
    const store = await network.connect();
    for (const { name } of files) {
      const { root } = await store.lookup(name);
      expect(root.nodeId, name).toBe(closest(ids, keyOf(name)));
    }
  });
});
