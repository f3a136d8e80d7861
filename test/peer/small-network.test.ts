import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { connect } from '../../src/client/connect.ts';
import type { FileStore } from '../../src/client/file-store.ts';
import { startDiscovery, type RunningDiscovery } from '../../src/discovery/discovery-server.ts';
import { startPeer, type RunningPeer } from '../../src/peer/peer.ts';

const LISTEN = ['/ip4/127.0.0.1/tcp/0'];

describe('a discovery peer, five peers and a client in one process', () => {
  let dir: string;
  let discovery: RunningDiscovery;
  const peers: RunningPeer[] = [];
  let store: FileStore;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'p2p-small-'));
    discovery = await startDiscovery({ dir: join(dir, 'discovery'), listen: LISTEN, log: silentLog });
    for (let i = 0; i < 5; i++) {
      const storage = join(dir, `peer-${String(i)}`);
      peers.push(await startPeer({ storage, discovery: discovery.addrs, listen: LISTEN, log: silentLog }));
    }
    store = await connect({ discovery: discovery.addrs, configDir: join(dir, 'config') });
  }, 30_000);

  afterAll(async () => {
    await store.close();
    for (const peer of peers) await peer.stop();
    await discovery.stop();
    await rm(dir, { recursive: true });
  });

  it.each([0, 1, 4096, 1024 * 1024, 3 * 1024 * 1024 + 17])('stores and fetches %d bytes', async (size) => {
    const content = randomBytes(size);
    const name = `file of ${String(size)}`;
    const receipt = await store.store(name, content);
    expect(receipt.size).toBe(size);
    expect(receipt.sha256).toBe(createHash('sha256').update(content).digest('hex'));
    const target = join(dir, `out-${String(size)}`);
    const fetched = await store.fetch(name, { path: target });
    expect(fetched.version).toBe(receipt.version);
    expect(content.equals(await readFile(target))).toBe(true);
  });

  it('gives a new name to one of two owners who store it at the same time, and refuses the other', async () => {
    const other = await connect({ discovery: discovery.addrs, configDir: join(dir, 'other-config') });
    try {
      for (let round = 0; round < 5; round++) {
        const name = `contested ${String(round)}`;
        const contents = [randomBytes(50_000), randomBytes(50_000)];
        const outcomes = await Promise.allSettled(
          [store, other].map((client, index) => client.store(name, contents[index] ?? new Uint8Array())),
        );
        const kept = outcomes.findIndex(({ status }) => status === 'fulfilled');
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
          reason: { code: 'NOT_PERMITTED' },
        });
        const parts: Uint8Array[] = [];
        const write = (piece: readonly Uint8Array[]) => Promise.resolve(void parts.push(...piece));
        await store.fetch(name, { write });
        expect(Buffer.concat(parts).equals(contents[kept] ?? Buffer.alloc(0))).toBe(true);
      }
    } finally {
      await other.close();
    }
  });

  it('lets a removed name be taken by anybody', async () => {
    await store.store('passed on', Buffer.from('mine'));
    const other = await connect({ discovery: discovery.addrs, configDir: join(dir, 'third-config') });
    try {
      await expect(other.remove('passed on')).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
      await store.remove('passed on');
      await expect(other.stat('passed on')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await other.store('passed on', Buffer.from('theirs'));
      expect((await store.stat('passed on')).size).toBe(6);
    } finally {
      await other.close();
    }
  });

  it('lists names by prefix, in order, whichever peers they lie on', async () => {
    for (const name of ['list/b', 'list/a/1', 'list/ü', 'other']) await store.store(name, Buffer.from(name));
    const names: string[] = [];
    for await (const { name } of store.list({ prefix: 'list/' })) names.push(name);
    expect(names).toEqual(['list/a/1', 'list/b', 'list/ü']);
  });
});
