import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { connect } from '../../src/client/connect.ts';
import { startDiscovery, type RunningDiscovery } from '../../src/discovery/discovery-server.ts';
import { startPeer, type RunningPeer } from '../../src/peer/peer.ts';

const LISTEN = ['/ip4/127.0.0.1/tcp/0'];
const PEERS = 5;
/** More than are needed to meet every peer as the root of one of them. */
const NAMES = Array.from({ length: 64 }, (_, i) => `name ${String(i)}`);

describe('a client that remembers the peers of its network', () => {
  let dir: string;
  let discovery: RunningDiscovery;
  const peers: RunningPeer[] = [];
  const configDir = () => join(dir, 'config');

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'p2p-entry-'));
    discovery = await startDiscovery({ dir: join(dir, 'discovery'), listen: LISTEN, log: silentLog });
    for (let i = 0; i < PEERS; i++) {
      const storage = join(dir, `peer-${String(i)}`);
      peers.push(await startPeer({ storage, discovery: discovery.addrs, listen: LISTEN, log: silentLog }));
    }
    const store = await connect({ discovery: discovery.addrs, configDir: configDir() });
    for (const name of NAMES) await store.lookup(name);
    await store.close();
  }, 30_000);

  afterAll(async () => {
    for (const peer of peers) await peer.stop();
    await discovery.stop();
    await rm(dir, { recursive: true });
  });

  async function enterThrough(): Promise<string> {
    const store = await connect({ discovery: discovery.addrs, configDir: configDir() });
    const { path } = await store.lookup('a name');
    await store.close();
    return path[0] ?? '';
  }

  it('enters through different ones of them', async () => {
    const entries = new Set<string>();
    for (let i = 0; i < 40 && entries.size < 2; i++) entries.add(await enterThrough());
    expect(entries.size).toBe(2);
  });

  it('enters through a live one although most that it remembers are gone', async () => {
    const gone = peers.splice(0, PEERS - 1);
    for (const peer of gone) await peer.stop();
    for (let i = 0; i < 4; i++) expect(await enterThrough()).toBe(peers[0]?.nodeId);
  });
});
