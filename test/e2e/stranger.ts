/**
 * Somebody who speaks libp2p and knows the protocols by name, but follows them only as far as a test wants: raw bytes on
 * streams of real connections. Also a member of the network who holds a certificate and then misbehaves.
 */

import { connect as connectSocket, type Socket } from 'node:net';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { silentLog } from '../../src/base/log.ts';
import { seededRandom } from '../../src/base/random.ts';
import { DiscoveryClient } from '../../src/discovery/discovery-client.ts';
import { NetworkPolicy } from '../../src/discovery/hello-policy.ts';
import { FrameStream } from '../../src/net/frame-stream.ts';
import { HELLO_PROTOCOL } from '../../src/net/hello.ts';
import { Host } from '../../src/net/host.ts';
import { createNode } from '../../src/net/libp2p-node.ts';
import { DEFAULT_HOST_LIMITS } from '../../src/net/limits.ts';
import { decodeHello, encodeHello, type Hello } from '../../src/wire/hello.ts';
import { pseudoRandom } from './harness/content.ts';
import type { Network } from './harness/network.ts';
import type { Service } from './harness/service.ts';
import { until } from './harness/until.ts';

const WAIT = { timeoutMs: 10_000 };
const NOTHING = new Uint8Array(0);

/** The bytes of a frame: four of length, then the payload. */
export function frame(payload: Uint8Array, claimedBytes = payload.length): Uint8Array {
  const bytes = new Uint8Array(4 + payload.length);
  new DataView(bytes.buffer).setUint32(0, claimedBytes);
  bytes.set(payload, 4);
  return bytes;
}

export class Strangers {
  readonly #nodes: Libp2p[] = [];
  readonly #hosts: Host[] = [];
  readonly #sockets: Socket[] = [];

  /** A new PeerId's connection, on which nothing has been said. */
  async connect(service: Service): Promise<Connection> {
    const privateKey = await generateKeyPair('Ed25519');
    const node = await createNode({ privateKey, listen: [], limits: DEFAULT_HOST_LIMITS, gater: {} });
    await node.start();
    this.#nodes.push(node);
    return node.dial(multiaddr(service.ready.addrs[0] ?? ''));
  }

  /** A connection whose hello as a client was accepted. */
  async client(service: Service, networkId: Uint8Array): Promise<Connection> {
    const connection = await this.connect(service);
    const answer = await sayHello(connection, { networkId });
    if (answer[0] !== 0) throw new Error(`refused: ${Buffer.from(answer).toString()}`);
    return connection;
  }

  /** What the discovery peer says of itself to somebody who knows nothing. */
  async networkId(discovery: Service): Promise<Uint8Array> {
    const answer = await sayHello(await this.connect(discovery), {});
    return decodeHello(answer.subarray(1)).networkId;
  }

  /** A host that is registered as a peer. */
  async member(discovery: Service): Promise<Host> {
    const policy = new NetworkPolicy({ role: 'peer', addrs: () => [] });
    const privateKey = await generateKeyPair('Ed25519');
    const host = await Host.start({ privateKey, listen: ['/ip4/127.0.0.1/tcp/0'], policy, log: silentLog });
    this.#hosts.push(host);
    const addrs = discovery.ready.addrs;
    const client = new DiscoveryClient({ host, policy, addrs, random: seededRandom(1), log: silentLog });
    await client.contact(WAIT);
    await client.register({}, WAIT);
    return host;
  }

  /** A socket without any libp2p. */
  socket(service: Service): Socket {
    const socket = connectSocket({ host: '127.0.0.1', port: service.port });
    socket.on('error', () => undefined);
    this.#sockets.push(socket);
    return socket;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
    await Promise.all(this.#nodes.splice(0).map(async (node) => node.stop()));
    await Promise.all(this.#hosts.splice(0).map((host) => host.stop()));
  }
}

/** Says a client's hello, or what differs from it. @returns the answer: a byte, then a hello or the words of a refusal */
export async function sayHello(connection: Connection, differing: Partial<Hello>): Promise<Uint8Array> {
  const hello = {
    networkId: NOTHING,
    role: 'client',
    certificate: NOTHING,
    addrs: [],
    agent: 'x',
    parameters: NOTHING,
  } as const;
  const frames = new FrameStream(await connection.newStream(HELLO_PROTOCOL));
  await frames.writeFrame(encodeHello({ ...hello, ...differing }), WAIT);
  const answer = await frames.readFrame(64 * 1024, WAIT);
  if (answer === undefined) throw new Error('the hello was not answered');
  return answer;
}

export function openStream(connection: Connection, protocol: string): Promise<Stream> {
  return connection.newStream(protocol, { maxOutboundStreams: 1_000 });
}

/** An honest person's stores, at several peers, and a newcomer who asks the discovery peer. */
export async function servesOn(network: Network): Promise<void> {
  const title = String(performance.now());
  const client = await network.connect(network.file('honest', title));
  for (let i = 0; i < 4; i++) {
    const name = `honest ${title} ${String(i)}`;
    await client.store(name, pseudoRandom(10_000, i));
    const { size } = await client.stat(name);
    if (size !== 10_000) throw new Error(`${name} has ${String(size)} bytes`);
  }
  await client.close();
}

/** Waits until the log of a service has more lines with an error code than a moment before. */
export function loggedMore(service: Service, code: string, before: number, title = code): Promise<unknown> {
  return until(`${title} is logged as ${code} by ${service.title}`, () => service.logged(`code=${code} `) > before);
}
