/** Several of a kind on one host: networks that must not mix, and processes that must not share a directory. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectFailure, expectJsonFailure } from './failing.ts';
import { Network } from './harness/network.ts';
import { until } from './harness/until.ts';

let red: Network;
let blue: Network;
beforeAll(async () => {
  [red, blue] = await Promise.all([
    Network.start({ title: 'red', peers: 3, discoveryArgs: ['--network', 'red'] }),
    Network.start({ title: 'blue', peers: 2, discoveryArgs: ['--network', 'blue'] }),
  ]);
});
afterAll(async () => {
  await red.close();
  await blue.close();
});

async function fetched(network: Network, name: string): Promise<string> {
  const { status, stdout, stderr } = await network.run('fetch-file', [name, '--out', '-']);
  expect(status, stderr).toBe(0);
  return stdout.toString();
}

describe('two networks on one host', () => {
  it('keep the same name apart', async () => {
    await red.put('colour', 'red');
    await blue.put('colour', 'blue');
    expect(await fetched(red, 'colour')).toBe('red');
    expect(await fetched(blue, 'colour')).toBe('blue');
    await red.put('only red', 'red');
    await expectFailure(blue, 'fetch-file', ['only red'], { status: 3, code: 'NOT_FOUND' });
  });

  it('have rings of their own', async () => {
    for (const [network, other] of [
      [red, blue],
      [blue, red],
    ] as const) {
      const store = await network.connect();
      const roots = await Promise.all(Array.from({ length: 50 }, (_, i) => store.lookup(`name ${String(i)}`)));
      const own = network.peers.map(({ ready }) => ready.peerId);
      const others = other.peers.map(({ ready }) => ready.peerId);
      const found = new Set(roots.map(({ root }) => root.peerId));
      expect(found).toEqual(new Set(own));
      expect(others.filter((peerId) => found.has(peerId))).toEqual([]);
    }
  });

  it('do not take each other’s members', async () => {
    const [member] = red.peers;
    if (member === undefined) throw new Error('there is one');
    await member.stop();
    const args = ['start', '--json', '--log-level', 'silent', '--storage', member.storage, '--discovery', blue.address];
    expectJsonFailure(await blue.run('p2p-peer', args), { status: 9, code: 'NETWORK_CHANGED' });
    await member.start();
    expect(await fetched(red, 'colour')).toBe('red');
  });

  it('refuse a client that takes one for the other', async () => {
    const known = await readFile(red.file('config/known-networks.json'), 'utf8');
    await mkdir(red.file('mixed'));
    await writeFile(red.file('mixed/known-networks.json'), known.replaceAll(red.address, blue.address));
    const options = { env: { P2P_DISCOVERY: blue.address, P2P_CONFIG_DIR: red.file('mixed') } };
    await expectFailure(red, 'fetch-file', ['colour'], { status: 9, code: 'NETWORK_CHANGED' }, options);
  });
});

describe('one directory', () => {
  const locked = { status: 1, code: 'STORAGE_LOCKED' };

  it('has one peer: a second one says who is in the way and leaves it alone', async () => {
    const [peer] = red.peers;
    if (peer === undefined) throw new Error('there is one');
    const args = ['start', '--log-level', 'silent', '--storage', peer.storage];
    const [error] = expectJsonFailure(await red.run('p2p-peer', [...args, '--json']), locked);
    expect(error?.error.message).toContain(peer.storage);
    const plain = await red.run('p2p-peer', args);
    expect([plain.status, plain.stdout.length]).toEqual([1, 0]);
    expect(plain.stderr).toContain('another directory');
    expect(peer.running).toBe(true);
    expect(await fetched(red, 'colour')).toBe('red');
  });

  it('has one discovery peer', async () => {
    const args = ['start', '--json', '--log-level', 'silent', '--dir', red.discovery.ready.storage];
    expectJsonFailure(await red.run('p2p-discovery', [...args, '--listen', '/ip4/127.0.0.1/tcp/0']), locked);
    expect(red.discovery.running).toBe(true);
    expect(await fetched(red, 'colour')).toBe('red');
  });

  it('is free again as soon as its process is killed', async () => {
    const [, peer] = red.peers;
    if (peer === undefined) throw new Error('there is a second one');
    await peer.kill();
    await peer.start();
  });
});

describe('a restart', () => {
  it('of a peer keeps its identity, its id and its port', async () => {
    for (const [peer] of [red.peers, blue.peers]) {
      if (peer === undefined) throw new Error('there is one');
      const before = peer.ready;
      for (const end of ['stop', 'kill'] as const) {
        await peer[end]();
        expect(await peer.start()).toEqual(before);
      }
    }
  });

  it('of a discovery peer keeps its identity and its network; its parameters cannot be changed', async () => {
    const before = red.discovery.ready;
    const listen = ['--listen', before.addrs[0]?.replace(/\/p2p\/.*/, '') ?? ''];
    await red.discovery.stop();
    const dir = ['start', '--json', '--log-level', 'silent', '--dir', before.storage];
    const changed = await red.run('p2p-discovery', [...dir, ...listen, '--repair-delay', '5']);
    expectJsonFailure(changed, { status: 2, code: 'USAGE' });
    expect(await red.discovery.start(listen)).toEqual(before);
    expect(await fetched(red, 'colour')).toBe('red');
  });

  it('of a peer whose port was taken meanwhile finds another one', async () => {
    const [, , peer] = red.peers;
    if (peer === undefined) throw new Error('there is a third one');
    const { nodeId } = peer;
    const { port } = peer;
    await peer.stop();
    const squatter = createServer().listen(port, '127.0.0.1');
    await once(squatter, 'listening');
    try {
      expect((await peer.start()).nodeId).toBe(nodeId);
      expect(peer.port).not.toBe(port);
    } finally {
      squatter.close();
    }
    const store = await red.connect();
    const name =
      Array.from({ length: 100 }, (_, i) => `at ${String(i)}`).find((each) => red.rootOf(each) === peer) ?? '';
    await until('it is root again', async () => (await store.lookup(name)).root.nodeId === nodeId);
    await red.put(name, 'there');
    expect(await fetched(red, name)).toBe('there');
  });

  it('of a discovery peer at a port that is taken is refused', async () => {
    const { addrs } = blue.discovery.ready;
    const listen = ['--listen', addrs[0]?.replace(/\/p2p\/.*/, '') ?? '', '--dir', red.file('elsewhere')];
    const finished = await red.run('p2p-discovery', ['start', '--json', '--log-level', 'silent', ...listen]);
    const [error] = expectJsonFailure(finished, { status: 1, code: 'FAILED' });
    expect(error?.error.message).toContain('something else listens there already');
  });
});
