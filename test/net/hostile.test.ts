/** What strangers can send: each case ends with a named error in the log, and with the host serving honest peers as before. */

import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, describe, expect, it } from 'vitest';
import { HELLO_PROTOCOL } from '../../src/net/hello.ts';
import { createNode } from '../../src/net/libp2p-node.ts';
import { DEFAULT_HOST_LIMITS, INITIAL_WINDOW_BYTES } from '../../src/net/limits.ts';
import { eventually, Hosts, type TestHost } from './hosts.ts';

const ECHO = '/test/echo/1.0.0';
const WAIT = { timeoutMs: 5_000 };
const hosts = new Hosts();
const nodes: Libp2p[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const node of nodes.splice(0)) await node.stop();
  await hosts.stop();
});

async function victim(): Promise<TestHost> {
  const server = await hosts.start({
    limits: { helloTimeoutMs: 400, handshakeTimeoutMs: 400, pendingInboundPerAddressMax: 40 },
  });
  await server.host.handle(ECHO, async (stream) => {
    for (
      let frame = await stream.readFrame(1000, WAIT);
      frame !== undefined;
      frame = await stream.readFrame(1000, WAIT)
    ) {
      await stream.writeFrame(frame, WAIT);
    }
  });
  return server;
}

async function servesOn(server: TestHost): Promise<void> {
  const honest = await hosts.start({ listen: [] });
  const stream = await honest.host.open(server.target, ECHO, WAIT);
  await stream.writeFrame(Uint8Array.of(1, 2, 3), WAIT);
  expect([...((await stream.readFrame(10, WAIT)) ?? [])]).toEqual([1, 2, 3]);
}

/** A libp2p node that says nothing by itself. */
async function stranger(server: TestHost): Promise<Connection> {
  const gater = {};
  const node = await createNode({
    privateKey: await generateKeyPair('Ed25519'),
    listen: [],
    limits: DEFAULT_HOST_LIMITS,
    gater,
  });
  await node.start();
  nodes.push(node);
  return node.dial(multiaddr(`${server.target.addrs[0] ?? ''}/p2p/${server.target.peerId}`));
}

function frame(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + payload.length);
  new DataView(bytes.buffer).setUint32(0, payload.length);
  bytes.set(payload, 4);
  return bytes;
}

const HELLO_FRAME = frame(new TextEncoder().encode('hello'));

/** A connection on which the hello was accepted. */
async function greeted(server: TestHost): Promise<Connection> {
  const connection = await stranger(server);
  const stream = await connection.newStream(HELLO_PROTOCOL);
  const answered = new Promise((resolve) => stream.addEventListener('message', resolve, { once: true }));
  stream.send(HELLO_FRAME);
  await answered;
  return connection;
}

function socketTo(server: TestHost, localAddress = '127.0.0.1'): Socket {
  const port = Number(/tcp\/(\d+)/.exec(server.target.addrs[0] ?? '')?.[1]);
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

const gone = (connection: Connection) => eventually(() => connection.status !== 'open');
const ended = (stream: Stream) => eventually(() => stream.status !== 'open');
const logged = (server: TestHost, code: string) => eventually(() => server.log.codes().includes(code));

describe('a hostile or broken stranger', () => {
  it('who sends random bytes instead of a handshake', async () => {
    const server = await victim();
    for (let i = 0; i < 10; i++) socketTo(server).write(randomBytes(100_000));
    await logged(server, 'NO_HELLO');
    await servesOn(server);
  });

  it('who opens many silent sockets takes no place from other addresses', async () => {
    const server = await victim();
    for (let i = 0; i < 100; i++) socketTo(server, '127.0.0.2');
    await logged(server, 'BUSY');
    await servesOn(server);
    await logged(server, 'NO_HELLO');
  });

  it('who connects and says no hello', async () => {
    const server = await victim();
    await gone(await stranger(server));
    expect(server.log.codes()).toContain('NO_HELLO');
    await servesOn(server);
  });

  it('who opens the hello and leaves it half open', async () => {
    const server = await victim();
    const connection = await stranger(server);
    (await connection.newStream(HELLO_PROTOCOL)).send(HELLO_FRAME.subarray(0, 6));
    await gone(connection);
    await servesOn(server);
    expect(server.log.codes().some((code) => code === 'NO_HELLO' || code === 'TIMEOUT')).toBe(true);
  });

  it('who lets the hello trickle', async () => {
    const server = await victim();
    const connection = await stranger(server);
    const stream = await connection.newStream(HELLO_PROTOCOL);
    stream.send(frame(new Uint8Array(10_000)).subarray(0, 4));
    const trickle = setInterval(() => {
      if (stream.status === 'open') stream.send(Uint8Array.of(1));
    }, 10);
    await gone(connection).finally(() => clearInterval(trickle));
    expect(server.log.codes().some((code) => code === 'NO_HELLO' || code === 'TIMEOUT')).toBe(true);
    await servesOn(server);
  });

  it('whose hello is garbage, too long, or cut', async () => {
    const server = await victim();
    for (const [bytes, code] of [
      [frame(randomBytes(300)), 'HELLO_REFUSED'],
      [Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2, 3), 'FRAME_TOO_LARGE'],
    ] as const) {
      const connection = await stranger(server);
      (await connection.newStream(HELLO_PROTOCOL)).send(bytes);
      await logged(server, code);
      await gone(connection);
    }
    const connection = await stranger(server);
    const cut = await connection.newStream(HELLO_PROTOCOL);
    cut.send(HELLO_FRAME.subarray(0, 7));
    await cut.close();
    await logged(server, 'STREAM_CLOSED');
    await gone(connection);
    await servesOn(server);
  });

  it('who says hello twice', async () => {
    const server = await victim();
    const connection = await greeted(server);
    const second = await connection.newStream(HELLO_PROTOCOL);
    await ended(second);
    await logged(server, 'UNEXPECTED_MESSAGE');
    await servesOn(server);
  });

  it('who uses another protocol before any hello is not served, and holds next to no memory', async () => {
    const server = await victim();
    const connection = await stranger(server);
    const streams = await Promise.all(Array.from({ length: 20 }, () => connection.newStream(ECHO)));
    for (const stream of streams) {
      for (let sent = 0; sent < 4 * INITIAL_WINDOW_BYTES; sent += 65_536) stream.send(new Uint8Array(65_536));
    }
    await gone(connection);
    // What the host did not take is still here: it took at most the window that every stream starts with, twice.
    const unsent = streams.map((stream) => stream.writeBufferLength);
    expect(Math.min(...unsent)).toBeGreaterThanOrEqual(2 * INITIAL_WINDOW_BYTES);
    expect(server.log.codes()).toEqual(['NO_HELLO']);
    await servesOn(server);
  });

  it('who is accepted and then sends an oversized frame, half a frame, or more streams than allowed', async () => {
    const server = await victim();
    const connection = await greeted(server);
    const oversized = await connection.newStream(ECHO);
    oversized.send(Uint8Array.of(0x7f, 0, 0, 0, 1, 2, 3));
    await logged(server, 'FRAME_TOO_LARGE');
    await ended(oversized);
    const half = await connection.newStream(ECHO);
    half.send(frame(new Uint8Array(500)).subarray(0, 100));
    await half.close();
    await logged(server, 'STREAM_CLOSED');
    const many = await Promise.allSettled(
      Array.from({ length: 300 }, () => connection.newStream(ECHO, { maxOutboundStreams: 1000 })),
    );
    expect(many.some((outcome) => outcome.status === 'rejected' || outcome.value.status !== 'open')).toBe(true);
    await servesOn(server);
  });
});
