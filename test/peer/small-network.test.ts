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
});
