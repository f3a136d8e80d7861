/**
 * What a ring of thirty-two real peers lives through: a quarter of it killed at once, a member that hangs and goes on, and
 * a power cut. Afterwards every leaf set must be the one that brute force gives, and every lookup, through every peer,
 * must end at the root that brute force gives. Meanwhile stores and fetches go on.
 */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomBelow, seededRandom } from '../../src/base/random.ts';
import type { FileStore } from '../../src/client/file-store.ts';
import { pseudoRandom, sha256 } from '../e2e/harness/content.ts';
import { EntryPeers } from '../e2e/harness/entry-peers.ts';
import { Network, type Peer } from '../e2e/harness/network.ts';
import { closest, keyOf, leafSetOf, tellingKeys } from '../e2e/harness/oracle.ts';
import { until } from '../e2e/harness/until.ts';

const PEERS = 32;
const KILLED = 8;
const HALTED_MS = 20_000;
/** Peers that are looked through at a time while one hangs. */
const LOOKED_THROUGH = 4;
const FILES = 160;
const SEED = 20_261_121;
const AT_ONCE = 8;
const KEYS_PER_ENTRY = 24;
/** Until every leaf set is right again, on a machine that has other things to do. */
const CONVERGED_MS_MAX = 30_000;
/** A store or fetch that finds its way around somebody who just died. */
const DETOUR_MS_MAX = 15_000;

const random = seededRandom(SEED);
let network: Network;
let store: FileStore;
let entries: EntryPeers;
/** SHA-256 of everything that was acknowledged. */
const hashes = new Map<string, string>();

beforeAll(async () => {
  network = await Network.start({ title: 'thirty-two', peers: PEERS, peerArgs: ['--log-level', 'debug'] });
  store = await network.connect();
  entries = await EntryPeers.open(network);
  const names = Array.from({ length: FILES }, (_, i) => `file ${String(i)}`);
  await inParallel(names, (name) => put(store, name));
});
afterAll(async () => {
  await entries.close();
  await network.close();
});

function inParallel<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<unknown> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  return Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function shuffled<T>(items: readonly T[]): T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(randomBelow(random, left.length), 1));
}

function others(...without: readonly Peer[]): Peer[] {
  return network.peers.filter((peer) => !without.includes(peer));
}

/** A new name whose root is this one of them. */
function nameAt({ nodeId }: Peer, ids: readonly string[]): string {
  for (let i = 0; ; i++) if (closest(ids, keyOf(`at ${String(i)}`)) === nodeId) return `at ${String(i)}`;
}

const idsOf = (peers: readonly Peer[]): string[] => peers.map(({ nodeId }) => nodeId);

/** Stores a file of up to 64 KiB. */
async function put(client: FileStore, name: string): Promise<void> {
  const content = pseudoRandom(randomBelow(random, 65_536), hashes.size);
  const { sha256: hash } = await client.store(name, content);
  expect(hash, name).toBe(sha256(content));
  hashes.set(name, hash);
}

async function expectFetched(client: FileStore, name: string): Promise<void> {
  const parts: Uint8Array[] = [];
  await client.fetch(name, {
    write: (pieces) => Promise.resolve(void parts.push(...pieces.map((piece) => piece.slice()))),
  });
  expect(sha256(Buffer.concat(parts)), name).toBe(hashes.get(name));
}

/** Which members a peer's leaf set lacks or has too many, and what it logged about them. */
function mistakes({ nodeId, leafSet, runLog }: Peer, ids: readonly string[]): string {
  const right = leafSetOf(ids, nodeId);
  const missing = right.filter((id) => !leafSet.includes(id));
  const extra = leafSet.filter((id) => !right.includes(id));
  const about = runLog
    .split('\n')
    .filter(
      (line) => !line.includes(' leaf-set ') && [...missing, ...extra].some((id) => line.includes(`nodeId=${id}`)),
    );
  return [`${nodeId} lacks ${missing.join()}, has ${extra.join()}`, ...about].join('\n  ');
}

/** Waits until these peers are one ring by their leaf sets, and then looks keys up through each one. @returns how long it waited */
async function expectOneRing(peers: readonly Peer[]): Promise<number> {
  const startedAt = performance.now();
  const ids = idsOf(peers);
  const wrong = () => peers.filter(({ nodeId, leafSet }) => leafSet.join() !== leafSetOf(ids, nodeId).join());
  await until('every leaf set is right', () => wrong().length === 0, CONVERGED_MS_MAX).catch((error: unknown) => {
    throw new Error(
      `${String(error)}\n${wrong()
        .map((peer) => mistakes(peer, ids))
        .join('\n')}`,
    );
  });
  const tookMs = performance.now() - startedAt;
  await expectRightRoots(peers, ids);
  return tookMs;
}

/** Looks up some of these keys through each of these peers, others each time, so that every key has its turn. */
async function expectRightRoots(through: readonly Peer[], ids: readonly string[], keys = tellingKeys(ids)) {
  const wrong: string[] = [];
  await inParallel(through, async (entry) => {
    const asked = shuffled(keys).slice(0, KEYS_PER_ENTRY);
    const roots = await Promise.all(asked.map((key) => entries.rootOf(key, entry)));
    for (const [index, key] of asked.entries()) {
      if (roots[index] !== closest(ids, key)) wrong.push(`${key} through ${entry.nodeId}: ${String(roots[index])}`);
    }
  });
  expect(wrong).toEqual([]);
}

/** Stores a new file and fetches one of these, in turns, until it is told that all is over. */
async function keepWorking(client: FileStore, title: string, present: readonly string[], isOver: () => boolean) {
  let [done, slowestMs] = [0, 0];
  for (; done < 2 || !isOver(); done++) {
    const startedAt = performance.now();
    const name = present[randomBelow(random, present.length)] ?? '';
    await (done % 2 === 0 ? put(client, `${title} ${String(done)}`) : expectFetched(client, name));
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
  }
  expect(slowestMs).toBeLessThan(DETOUR_MS_MAX);
  return `${String(done)} stores and fetches, the slowest in ${slowestMs.toFixed(0)} ms`;
}

it('a ring of 32 is one ring, seen from every peer', async () => {
  await expectOneRing(network.peers);
});

it('when eight are killed at once, stores and fetches go on, and the others close up', async () => {
  const dead = shuffled(network.peers).slice(0, KILLED);
  const alive = others(...dead);
  const lost = [...hashes.keys()].filter((name) => dead.includes(network.rootOf(name)));
  const kept = [...hashes.keys()].filter((name) => !lost.includes(name));
  await Promise.all(dead.map((peer) => peer.kill()));
  let over = false;
  const clients = [store, await network.connect()];
  const working = clients.map((client, i) => keepWorking(client, `without eight ${String(i)}`, kept, () => over));
  const closing = expectOneRing(alive).finally(() => (over = true));
  const [tookMs, ...worked] = await Promise.all([closing, ...working]);
  console.log(`eight killed: leaf sets right after ${tookMs.toFixed(0)} ms; ${worked.join('; ')}`);
  const present = [...hashes.keys()].filter((name) => !lost.includes(name));
  expect(present.length).toBeGreaterThan(kept.length);
  await inParallel(present, (name) => expectFetched(store, name));

  await Promise.all(dead.map((peer) => peer.start()));
  console.log(`eight are back: leaf sets right after ${(await expectOneRing(network.peers)).toFixed(0)} ms`);
  await inParallel(lost, (name) => expectFetched(store, name));
});

it('a peer that hangs is gone around, and is root of its keys again, seen from every peer, when it goes on', async () => {
  const [halted] = shuffled(network.peers);
  if (halted === undefined) throw new Error('there are peers');
  const ids = idsOf(network.peers);
  const rest = others(halted);
  const its = [...hashes.keys()].filter((name) => network.rootOf(name) === halted);
  const [held = ''] = its;
  const meanwhile = nameAt(halted, ids);
  const keys = tellingKeys(ids);
  const itsKeys = keys.filter((key) => closest(ids, key) === halted.nodeId);
  let waiting: Promise<void> | undefined;
  const haltedAt = performance.now();
  halted.halt();
  try {
    const closing = expectOneRing(rest);
    closing.catch(() => undefined); // It is awaited below, unless something else fails first.
    // No lookup ends wrong, not for a moment: the keys of the one that hangs go to whoever stands in for it.
    while (performance.now() - haltedAt < HALTED_MS) {
      await expectRightRoots(shuffled(rest).slice(0, LOOKED_THROUGH), idsOf(rest), keys);
    }
    console.log(`hanging: leaf sets right without it after ${(await closing).toFixed(0)} ms`);
    await put(store, meanwhile);
    // Nobody else has this one, but it is not gone: the fetch waits for whoever may have it.
    waiting = expectFetched(store, held);
    waiting.catch(() => undefined);
    await expectFetched(store, meanwhile);
  } finally {
    halted.goOn();
  }
  const wentOnAt = performance.now();
  // The keys of the others were theirs all the time.
  const elsewhere = keys.filter((key) => !itsKeys.includes(key));
  const right = expectRightRoots(network.peers, ids, elsewhere);
  right.catch(() => undefined);
  const everywhere = rest.flatMap((entry) => itsKeys.map((key) => ({ entry, key })));
  await until('every peer finds it again', async () => {
    const roots = await Promise.all(everywhere.map(({ entry, key }) => entries.rootOf(key, entry)));
    return roots.every((root) => root === halted.nodeId);
  });
  console.log(`hanging: root again, from everywhere, after ${(performance.now() - wentOnAt).toFixed(0)} ms`);
  await Promise.all([right, waiting]);
  await inParallel([...its, meanwhile], (name) => expectFetched(store, name));
  console.log(`hanging: leaf sets right again ${(await expectOneRing(network.peers)).toFixed(0)} ms later`);
});

it('after a power cut that the discovery peer does not survive, all find each other again, in whichever order they start', async () => {
  const before = network.peers.map(({ ready }) => ready);
  await Promise.all([...network.peers, network.discovery].map((service) => service.kill()));
  const startedAt = performance.now();
  await Promise.all(shuffled(network.peers).map((peer) => peer.start()));
  expect(network.peers.map(({ ready }) => ready)).toEqual(before);
  const readyMs = performance.now() - startedAt;
  const tookMs = await expectOneRing(network.peers);
  console.log(`power cut: all ready after ${readyMs.toFixed(0)} ms, leaf sets right ${tookMs.toFixed(0)} ms later`);
  await inParallel(hashes.keys(), (name) => expectFetched(store, name));
});
