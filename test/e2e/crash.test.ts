/**
 * Processes that die without warning, at any moment: what was acknowledged is there again after a restart, what was under
 * way is there whole or not at all, and the others go on meanwhile.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileStore } from '../../src/client/file-store.ts';
import { beginStore } from './failing.ts';
import type { JsonLine } from './harness/command.ts';
import { pseudoRandom, sha256, sha256OfFile, storedFiles, writePseudoRandom } from './harness/content.ts';
import { Network, type Peer } from './harness/network.ts';
import { closest, keyOf } from './harness/oracle.ts';
import { until } from './harness/until.ts';

const PEERS = 8;
const MIB = 1024 * 1024;
/** "Within seconds": what a lookup may take at the most while somebody is dead and nobody knows it yet. */
const DETOUR_MS_MAX = 10_000;

let network: Network;
let store: FileStore;
beforeAll(async () => {
  network = await Network.start({ title: 'crash', peers: PEERS });
  store = await network.connect();
});
afterAll(() => network.close());

async function fetchBytes(from: FileStore, name: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  await from.fetch(name, {
    write: (pieces) => {
      parts.push(...pieces.map((piece) => piece.slice()));
      return Promise.resolve();
    },
  });
  return Buffer.concat(parts);
}

/** Names whose root is this peer. */
function namesAt(peer: Peer, count: number, prefix: string): string[] {
  const names: string[] = [];
  for (let i = 0; names.length < count; i++) {
    const name = `${prefix} ${String(i)}`;
    if (closest(network.nodeIds, keyOf(name)) === peer.nodeId) names.push(name);
  }
  return names;
}

function peerAt(index: number): Peer {
  const peer = network.peers[index];
  if (peer === undefined) throw new Error(`there is no peer ${String(index)}`);
  return peer;
}

describe('a peer that is killed and started again', () => {
  it('has the same node id and every file that it acknowledged', async () => {
    const peer = peerAt(1);
    const { ready } = peer;
    const names = namesAt(peer, 60, 'acknowledged');
    const acknowledged = new Map<string, string>();
    const storing = Promise.allSettled(
      names.map(async (name, i) => {
        const content = pseudoRandom(1000 * i, i);
        const { root, sha256: hash } = await store.store(name, content);
        if (root.nodeId === ready.nodeId) acknowledged.set(name, hash);
      }),
    );
    // In the midst of it: some have been acknowledged, most have not.
    await until('some are acknowledged', () => acknowledged.size >= 5);
    await peer.kill();
    const before = new Map(acknowledged);
    expect(await peer.start()).toEqual(ready);
    await storing;
    const stored = new Set((await storedFiles(peer.storage)).values());
    for (const [name, hash] of before) {
      expect(sha256(await fetchBytes(store, name)), name).toBe(hash);
      expect(stored.has(hash), name).toBe(true);
    }
  });

  it.each([
    ['one byte', 1, 0],
    ['a chunk', MIB, 0],
    ['several chunks, at once', 12 * MIB, 0],
    ['several chunks, a little later', 12 * MIB, 1],
    ['several chunks, in the middle', 12 * MIB, 6],
    ['several chunks, near the end', 12 * MIB, 11],
  ])('in the middle of a store of %s has the whole file or none', async (title, size, killAtMiB) => {
    const peer = peerAt(2);
    const [name = ''] = namesAt(peer, 1, `killed in ${title}`);
    const content = pseudoRandom(size, size + killAtMiB);
    const killed = Promise.withResolvers<undefined>();
    let killing: Promise<unknown> | undefined;
    const source = async function* () {
      for (let at = 0; at < size || at === 0; at += MIB) {
        if (at === killAtMiB * MIB) killing = peer.kill().then(() => killed.resolve(undefined));
        yield content.subarray(at, at + MIB);
        await Promise.resolve();
      }
    };
    const outcome = await Promise.allSettled([store.store(name, source())]);
    await killing;
    await killed.promise;
    expect((await peer.start()).nodeId).toBe(peer.nodeId);
    const found = await until('the peer is found again', () =>
      store.stat(name).then(
        () => 'whole' as const,
        (error: unknown) => (error as { code: string }).code === 'NOT_FOUND' && ('none' as const),
      ),
    );
    if (outcome[0].status === 'fulfilled') expect(found).toBe('whole');
    if (found === 'whole') expect((await fetchBytes(store, name)).equals(content)).toBe(true);
    expect(await peer.staged()).toEqual([]);
  });

  it('while it takes many files has each of them whole or not', async () => {
    const peer = peerAt(3);
    const names = namesAt(peer, 40, 'many at once');
    const contents = new Map(names.map((name, i) => [name, pseudoRandom(70_000 * (i % 7), i)]));
    for (let round = 0; round < 3; round++) {
      let done = 0;
      const wanted = 1 + round * 7;
      const storing = [...contents].map(async ([name, content]) => {
        await store.store(name, content);
        if (++done === wanted) await peer.kill();
      });
      const outcomes = Promise.allSettled(storing);
      await until('it is killed', () => !peer.running);
      await peer.start();
      // Those that were just being acknowledged cannot know; all others are done sooner or later.
      const failed = (await outcomes).filter((outcome) => outcome.status === 'rejected');
      for (const { reason } of failed) expect(reason).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
      expect(failed.length).toBeLessThan(names.length);
      let missing = 0;
      for (const [name, content] of contents) {
        const bytes = await fetchBytes(store, name).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'NOT_FOUND' });
          missing++;
          return content;
        });
        expect(bytes.equals(content), name).toBe(true);
      }
      expect(missing).toBeLessThanOrEqual(failed.length);
    }
  });
});

describe('the others', () => {
  it('find a way around any peer that dies, within seconds', async () => {
    const names = network.peers.flatMap((peer) => namesAt(peer, 3, 'around'));
    await Promise.all(names.map((name) => store.store(name, Buffer.from(name))));
    for (const index of [0, 4, 7]) {
      const dead = peerAt(index);
      const clients = [store, await network.connect()];
      await dead.kill();
      const startedAt = performance.now();
      const ids = network.nodeIds;
      await Promise.all(
        clients.flatMap((client) =>
          names.map(async (name) => {
            // The dead peer's keys belong to its neighbours as soon as these have noticed.
            await until(
              `${name} is found`,
              async () => (await client.lookup(name)).root.nodeId === closest(ids, keyOf(name)),
              DETOUR_MS_MAX,
            );
          }),
        ),
      );
      const alive = names.filter((name) => closest([...ids, dead.nodeId], keyOf(name)) !== dead.nodeId);
      for (const name of alive) expect((await fetchBytes(store, name)).toString()).toBe(name);
      await store.store(`while one is dead ${String(index)}`, Buffer.from('x'));
      expect(performance.now() - startedAt).toBeLessThan(DETOUR_MS_MAX);
      await dead.start();
      const back = names.filter((name) => !alive.includes(name));
      for (const name of back) {
        await until(`${name} is back`, () =>
          fetchBytes(store, name).then(
            (bytes) => bytes.toString() === name,
            () => false,
          ),
        );
      }
    }
  });

  it('go on when several die at the same time', async () => {
    const dead = [peerAt(2), peerAt(5)];
    await Promise.all(dead.map((peer) => peer.kill()));
    const other = await network.connect();
    const stored = await Promise.all(
      Array.from({ length: 20 }, (_, i) => other.store(`after two died ${String(i)}`, Buffer.from(String(i)))),
    );
    for (const { name } of stored)
      expect((await fetchBytes(store, name)).toString()).toBe(name.slice('after two died '.length));
    await Promise.all(dead.map((peer) => peer.start()));
  });
});

describe('a discovery peer that is killed', () => {
  const away = { listen: [] as string[], config: '' };

  it('is not missed by peers and by clients that have been there before', async () => {
    // These have met the network once.
    await network.put('before', 'before');
    const { addrs } = network.discovery.ready;
    away.listen = ['--listen', addrs[0]?.replace(/\/p2p\/.*/, '') ?? ''];
    await network.discovery.kill();
    const path = network.file('while-away');
    const hash = await writePseudoRandom(path, 3 * MIB + 1, 77);
    const [stored] = await network.succeed('store-file', [path]);
    expect(stored?.root.nodeId).toBe(closest(network.nodeIds, keyOf('while-away')));
    await network.succeed('fetch-file', ['while-away', '--out', network.file('copy')]);
    expect(await sha256OfFile(network.file('copy'))).toBe(hash);
  });

  it('is not missed by peers that restart, several at the same time', async () => {
    const restarted = [peerAt(1), peerAt(4), peerAt(6)];
    const before = restarted.map(({ ready }) => ready);
    await Promise.all(restarted.map((peer) => peer.kill()));
    expect(await Promise.all(restarted.map((peer) => peer.start()))).toEqual(before);
    const lines: JsonLine[] = await network.succeed('fetch-file', [
      'while-away',
      '--out',
      network.file('copy'),
      '--overwrite',
    ]);
    expect(lines[0]?.sha256).toBe(await sha256OfFile(network.file('while-away')));
  });

  it('comes back, knows its members again, and admits newcomers', async () => {
    const ids = network.nodeIds;
    const before = network.discovery.ready;
    expect(await network.discovery.start(away.listen)).toEqual(before);
    const entries = new Set<string>();
    // Peers come back to it by themselves; it names one after another to clients that know nobody.
    await until('it names several peers', async () => {
      const client = await network.connect(network.file('fresh', String(entries.size), String(performance.now())));
      entries.add((await client.lookup('anything')).path[0] ?? '');
      await client.close();
      return entries.size >= 3;
    });
    for (const entry of entries) expect(ids).toContain(entry);
    const newcomer = await network.addPeer();
    expect(ids).not.toContain(newcomer.nodeId);
    expect((await network.peers[0]?.stop())?.status).toBe(0);
    expect((await network.peers[0]?.start())?.nodeId).toBe(ids[0]);
    const [name = ''] = namesAt(newcomer, 1, 'for the newcomer');
    await until('the newcomer is root', async () => (await store.lookup(name)).root.nodeId === newcomer.nodeId);
    await network.put(name, 'new');
    expect(await network.placeOf(name)).toContain(newcomer.storage);
    expect(await sha256OfFile(network.file('while-away'))).toBe(sha256(await fetchBytes(store, 'while-away')));
  });
});

describe('a client that is killed', () => {
  it('in the middle of a store leaves nothing behind', async () => {
    const peer = peerAt(3);
    const [name = ''] = namesAt(peer, 1, 'abandoned');
    const client = network.begin('store-file', ['--as', name, '-']);
    await beginStore(client, peer, pseudoRandom(3 * MIB, 1), 0);
    client.child.kill('SIGKILL');
    await until('what was staged is gone', async () => (await peer.staged()).length === 0);
    await expect(store.stat(name)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
