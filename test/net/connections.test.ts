import { generateKeyPair } from '@libp2p/crypto/keys';
import { afterEach, describe, expect, it } from 'vitest';
import { BadMessageError, codeOf } from '../../src/base/errors.ts';
import type { Contact } from '../../src/id/contact.ts';
import { DEFAULT_ID_BITS, IdSpace } from '../../src/id/id-space.ts';
import { NeighbourLinks, type NeighbourLinksOptions } from '../../src/net/neighbour-links.ts';
import { StreamPool } from '../../src/net/stream-pool.ts';
import { eventually, Hosts, policy, type TestHost } from './hosts.ts';

const ECHO = '/test/echo/1.0.0';
const OVERLAY = '/test/overlay/1.0.0';
const WAIT = { timeoutMs: 5_000 };
const hosts = new Hosts();
afterEach(() => hosts.stop());

const bytes = (value: string) => new TextEncoder().encode(value);
const text = (value: Uint8Array | undefined) => new TextDecoder().decode(value);

async function echoHost(): Promise<TestHost & { streams: () => number }> {
  const server = await hosts.start();
  let count = 0;
  await server.host.handle(ECHO, async (stream) => {
    count++;
    for (
      let frame = await stream.readFrame(1000, WAIT);
      frame !== undefined;
      frame = await stream.readFrame(1000, WAIT)
    ) {
      if (text(frame) === 'bad') throw new BadMessageError('that is bad');
      if (text(frame) === 'bug') throw new TypeError('a bug');
      await stream.writeFrame(frame, WAIT);
    }
  });
  return { ...server, streams: () => count };
}

describe('Host connections', () => {
  it('uses one connection for both directions', async () => {
    const a = await echoHost();
    const b = await echoHost();
    let inbound = 0;
    a.host.onDisconnect(() => inbound++);
    await a.host.meet(b.target, WAIT);
    await eventually(() => b.host.identityOf(a.host.peerId) !== undefined);
    // No address: only the connection that is there can serve.
    const back = await b.host.open({ peerId: a.host.peerId, addrs: [] }, ECHO, WAIT);
    await back.writeFrame(bytes('x'), WAIT);
    expect(text(await back.readFrame(10, WAIT))).toBe('x');
    b.host.disconnect(a.host.peerId);
    await eventually(() => inbound === 1);
    expect(a.host.identityOf(b.host.peerId)).toBeUndefined();
    await expect(back.readFrame(10, WAIT)).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
  });

  it('lets two hosts dial each other at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      const a = await echoHost();
      const b = await echoHost();
      const [toB, toA] = await Promise.all([a.host.open(b.target, ECHO, WAIT), b.host.open(a.target, ECHO, WAIT)]);
      for (const stream of [toB, toA]) {
        await stream.writeFrame(bytes('hi'), WAIT);
        expect(text(await stream.readFrame(10, WAIT))).toBe('hi');
      }
      expect([...a.log.lines, ...b.log.lines]).toEqual([]);
    }
  });

  it('says UNREACHABLE for a closed port, a wrong PeerId, a bad address, an unknown protocol, and itself', async () => {
    const a = await echoHost();
    const b = await echoHost();
    const unreachable = { code: 'UNREACHABLE' };
    const addrs = ['/ip4/127.0.0.1/tcp/1'];
    await expect(a.host.open({ peerId: b.host.peerId, addrs }, ECHO, WAIT)).rejects.toMatchObject(unreachable);
    const other = (await hosts.start({ listen: [] })).host.peerId;
    await expect(a.host.open({ peerId: other, addrs: b.target.addrs }, ECHO, WAIT)).rejects.toMatchObject(unreachable);
    await expect(a.host.open({ addrs: ['nonsense'] }, ECHO, WAIT)).rejects.toMatchObject(unreachable);
    await expect(a.host.open(b.target, '/test/none', WAIT)).rejects.toMatchObject(unreachable);
    await expect(a.host.open(a.target, ECHO, WAIT)).rejects.toMatchObject(unreachable);
  });

  it('gives up dialling at the deadline and at the signal', async () => {
    const a = await echoHost();
    const nowhere = { addrs: ['/ip4/192.0.2.1/tcp/9'] };
    const outcome = await a.host.open(nowhere, ECHO, { timeoutMs: 100 }).catch((error: unknown) => codeOf(error));
    expect(['TIMEOUT', 'UNREACHABLE']).toContain(outcome);
    const stop = AbortSignal.abort();
    await expect(a.host.open(nowhere, ECHO, { timeoutMs: 5000, signal: stop })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
  });

  it('ends the stream of a handler that throws, and logs the error by name', async () => {
    const server = await echoHost();
    const client = await hosts.start({ listen: [] });
    for (const [message, code] of [
      ['bad', 'BAD_MESSAGE'],
      ['bug', 'FAILED'],
    ] as const) {
      const stream = await client.host.open(server.target, ECHO, WAIT);
      await stream.writeFrame(bytes(message), WAIT);
      await expect(stream.readFrame(10, WAIT)).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
      const line = server.log.lines.find((each) => each.fields['code'] === code);
      expect(line?.fields).toMatchObject({ protocol: ECHO, peerId: client.host.peerId });
    }
  });

  it('stops within a second with streams open on both sides', async () => {
    const server = await echoHost();
    const client = await hosts.start({ listen: [] });
    const streams = await Promise.all(Array.from({ length: 20 }, () => client.host.open(server.target, ECHO, WAIT)));
    const reads = Promise.allSettled(streams.map((stream) => stream.readFrame(10, WAIT)));
    const start = performance.now();
    await server.host.stop();
    expect(performance.now() - start).toBeLessThan(1000);
    expect((await reads).every((outcome) => outcome.status === 'rejected')).toBe(true);
    await expect(server.host.open(client.target, ECHO, WAIT)).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
  });
});

describe('StreamPool', () => {
  it('serves 64 operations in flight, and uses their streams again', async () => {
    const server = await echoHost();
    const client = await hosts.start({ listen: [] });
    const pool = new StreamPool(client.host, ECHO, { idleTimeoutMs: 5_000, perPeerMax: 64 });
    const operation = async (name: string) => {
      const lease = await pool.lease(server.target, WAIT);
      await lease.stream.writeFrame(bytes(name), WAIT);
      expect(text(await lease.stream.readFrame(100, WAIT))).toBe(name);
      return lease;
    };
    const first = await Promise.all(Array.from({ length: 64 }, (_, i) => operation(`first ${String(i)}`)));
    expect(first.every((lease) => !lease.reused)).toBe(true);
    for (const lease of first) lease.release();
    const second = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const lease = await operation(`second ${String(i)}`);
        lease.release();
        return lease;
      }),
    );
    expect(second.every((lease) => lease.reused)).toBe(true);
    expect(server.streams()).toBe(64);
    pool.close();
    await expect(pool.lease(server.target, WAIT)).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
  });

  it('makes the next lease wait for a place, within its deadline', async () => {
    const server = await echoHost();
    const client = await hosts.start({ listen: [] });
    const pool = new StreamPool(client.host, ECHO, { idleTimeoutMs: 5_000, perPeerMax: 1 });
    const lease = await pool.lease(server.target, WAIT);
    await expect(pool.lease(server.target, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    const waiting = pool.lease(server.target, WAIT);
    lease.discard();
    const next = await waiting;
    expect(next.reused).toBe(false);
    next.release();
    pool.close();
  });

  it('forgets a kept stream that the other side has ended, and one that was kept long enough', async () => {
    const server = await echoHost();
    const client = await hosts.start({ listen: [] });
    const pool = new StreamPool(client.host, ECHO, { idleTimeoutMs: 100, perPeerMax: 2 });
    const lease = await pool.lease(server.target, WAIT);
    lease.release();
    server.host.disconnect(client.host.peerId);
    await eventually(() => lease.stream.closed);
    const next = await pool.lease(server.target, WAIT);
    expect(next.reused).toBe(false);
    next.release();
    await eventually(() => next.stream.closed);
    pool.close();
  });
});

type Side = TestHost & { links: NeighbourLinks; got: string[]; unreachable: string[]; contact: Contact };

async function neighbour(
  options: Partial<NeighbourLinksOptions> = {},
  start: Parameters<Hosts['start']>[0] = {},
): Promise<Side> {
  const side = await hosts.start(start);
  const got: string[] = [];
  const unreachable: string[] = [];
  const links = new NeighbourLinks(side.host, OVERLAY, {
    onMessage(_remote, frame) {
      got.push(text(frame));
    },
    onUnreachable: (_contact, error) => unreachable.push(error.code),
    log: side.log,
    frameBytesMax: 64 * 1024,
    queueBytesMax: 1024 * 1024,
    ...options,
  });
  await links.ready;
  const nodeId = new IdSpace(DEFAULT_ID_BITS).position(1);
  return {
    ...side,
    links,
    got,
    unreachable,
    contact: { ...side.target, nodeId, serial: 1, certificate: new Uint8Array() },
  };
}

describe('NeighbourLinks', () => {
  it('carries messages both ways, in order, on one stream', async () => {
    const a = await neighbour();
    const b = await neighbour({
      onMessage: (remote, frame) => b.links.send({ ...a.contact, peerId: remote.peerId, addrs: [] }, frame),
    });
    const sent = Array.from({ length: 2000 }, (_, i) => `message ${String(i)}`);
    for (const message of sent) a.links.send(b.contact, bytes(message));
    await eventually(() => a.got.length === sent.length);
    expect(a.got).toEqual(sent);
    expect(b.unreachable).toEqual([]);
  });

  it('opens the stream again after the other side was restarted', async () => {
    const privateKey = await generateKeyPair('Ed25519');
    const a = await neighbour();
    const b = await neighbour({}, { privateKey });
    a.links.send(b.contact, bytes('before'));
    await eventually(() => b.got.length === 1);
    await b.host.stop();
    await eventually(() => a.host.identityOf(b.host.peerId) === undefined);
    a.links.send(b.contact, bytes('nobody there'));
    await eventually(() => a.unreachable.length === 1);
    expect(a.unreachable).toEqual(['UNREACHABLE']);
    const again = await neighbour({}, { privateKey, listen: b.contact.addrs });
    a.links.send(again.contact, bytes('after'));
    await eventually(() => again.got.length === 1);
    expect(again.got).toEqual(['after']);
  });

  it('drops and reports what does not fit into the queue of one that is slow, and goes on with the rest', async () => {
    const a = await neighbour({ queueBytesMax: 64 * 1024 });
    const b = await neighbour();
    for (let i = 0; i < 20; i++) a.links.send(b.contact, new Uint8Array(8 * 1024));
    expect(a.unreachable).toEqual(['BUSY']);
    await eventually(() => b.got.length === 8);
    a.links.send(b.contact, bytes('later'));
    await eventually(() => b.got.includes('later'));
  });

  it('reports a neighbour that refuses our hello', async () => {
    const a = await neighbour({}, { policy: policy('salut') });
    const b = await neighbour();
    a.links.send(b.contact, bytes('x'));
    await eventually(() => a.unreachable.length === 1);
    expect(a.unreachable).toEqual(['HELLO_REFUSED']);
  });

  it('ends the stream of a neighbour whose message is bad, and says so', async () => {
    const a = await neighbour();
    const b = await neighbour({
      onMessage: (_remote, frame) => {
        if (text(frame) === 'bad') throw new BadMessageError('that is bad');
        b.got.push(text(frame));
      },
    });
    a.links.send(b.contact, bytes('bad'));
    await eventually(() => b.log.codes().includes('BAD_MESSAGE'));
    await eventually(() => {
      a.links.send(b.contact, bytes('good'));
      return b.got.includes('good');
    });
    a.links.close();
    a.links.send(b.contact, bytes('too late'));
  });
});
