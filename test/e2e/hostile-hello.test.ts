/**
 * Strangers who never say a proper hello, to a peer and to a discovery peer as they are: their connections end in time, the
 * log names the error, and everybody else is served on.
 */

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IdSpace, type Key } from '../../src/id/id-space.ts';
import { FrameStream } from '../../src/net/frame-stream.ts';
import { HELLO_PROTOCOL } from '../../src/net/hello.ts';
import { ContactReader } from '../../src/wire/contact.ts';
import { DISCOVERY_PROTOCOL } from '../../src/wire/discovery.ts';
import { FILE_PROTOCOL } from '../../src/wire/file.ts';
import { HELLO_BYTES_MAX } from '../../src/wire/limits.ts';
import {
  decodeLookupAnswer,
  encodeLookupRequest,
  LOOKUP_ANSWER_BYTES_MAX,
  LOOKUP_PROTOCOL,
} from '../../src/wire/lookup.ts';
import { Network, type Peer } from './harness/network.ts';
import type { Service } from './harness/service.ts';
import { until } from './harness/until.ts';
import { frame, loggedMore, openStream, sayHello, servesOn, Strangers } from './stranger.ts';

const WAIT = { timeoutMs: 15_000 };

let network: Network;
let peer: Peer;
let networkId: Uint8Array;
const strangers = new Strangers();

beforeAll(async () => {
  network = await Network.start({ title: 'hello', peers: 2 });
  peer = network.peers[0] as Peer;
  networkId = await strangers.networkId(network.discovery);
});
afterAll(async () => {
  await strangers.stop();
  await network.close();
});

/** A peer's own, which lookups show to everybody. */
async function someCertificate(): Promise<Uint8Array> {
  const stream = new FrameStream(await openStream(await strangers.client(peer, networkId), LOOKUP_PROTOCOL));
  await stream.writeFrame(encodeLookupRequest({ requestId: 1, key: 1 as Key }), WAIT);
  const answer = await stream.readFrame(LOOKUP_ANSWER_BYTES_MAX, WAIT);
  const reader = new ContactReader(networkId, new IdSpace(16));
  const decoded = decodeLookupAnswer(answer ?? new Uint8Array(0), reader);
  if (!('located' in decoded)) throw decoded.error;
  return decoded.located.root.certificate;
}

/** Both kinds of service, at the same time: some of this takes its time. */
async function both(attack: (service: Service) => Promise<void>): Promise<void> {
  await Promise.all([peer, network.discovery].map(attack));
  await servesOn(network);
}

describe('a connection', () => {
  it('ends with a refusal after a hello of another network, with a false role or with another one’s certificate', async () => {
    const certificate = await someCertificate();
    await both(async (service) => {
      const before = service.logged('code=HELLO_REFUSED ') + service.logged('code=NETWORK_CHANGED ');
      const hellos = [
        { networkId: randomBytes(32) },
        { networkId, role: 'peer', certificate },
        { networkId, role: 'discovery' },
      ] as const;
      await Promise.all(
        hellos.map(async (differing) => {
          const connection = await strangers.connect(service);
          const answer = await sayHello(connection, differing);
          expect(answer[0]).toBe(1);
          await until('the connection ends', () => connection.status !== 'open');
        }),
      );
      expect(service.logged('code=HELLO_REFUSED ') + service.logged('code=NETWORK_CHANGED ')).toBe(
        before + hellos.length,
      );
    });
  });

  it.each([
    ['HELLO_REFUSED', 'that is none', frame(Buffer.alloc(100, 0xff))],
    ['FRAME_TOO_LARGE', 'that is too long', frame(randomBytes(10), HELLO_BYTES_MAX + 1)],
  ])('ends with %s after a hello %s', async (code, _title, bytes) => {
    await both(async (service) => {
      const before = service.logged(`code=${code} `);
      const connection = await strangers.connect(service);
      (await openStream(connection, HELLO_PROTOCOL)).send(bytes);
      await until('the connection ends', () => connection.status !== 'open');
      await loggedMore(service, code, before);
    });
  });

  it('ends with NO_HELLO in time, whether silent, half said, trickling, used for something else, or no libp2p at all', async () => {
    await both(async (service) => {
      const before = service.logged('code=NO_HELLO ');
      const [silent, half, trickling, rash] = [
        await strangers.connect(service),
        await strangers.connect(service),
        await strangers.connect(service),
        await strangers.connect(service),
      ];
      (await openStream(half, HELLO_PROTOCOL)).send(frame(randomBytes(10), 1_000));
      const slow = await openStream(trickling, HELLO_PROTOCOL);
      slow.send(frame(new Uint8Array(0), 10_000));
      const trickle = setInterval(() => {
        if (slow.status === 'open') slow.send(Uint8Array.of(1));
      }, 20);
      const protocol = service === peer ? FILE_PROTOCOL : DISCOVERY_PROTOCOL;
      (await openStream(rash, protocol)).send(frame(randomBytes(100)));
      const connections = [silent, half, trickling, rash];
      const openings = [randomBytes(100_000), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(1_000)];
      const sockets = openings.map((bytes) => {
        const socket = strangers.socket(service);
        socket.write(bytes);
        return socket.resume();
      });
      await Promise.all([
        until('all of them end', () => connections.every(({ status }) => status !== 'open')),
        until('the sockets are closed', () => sockets.every((socket) => socket.closed || socket.readableEnded)),
      ]).finally(() => {
        clearInterval(trickle);
      });
      await loggedMore(service, 'NO_HELLO', before + connections.length + sockets.length - 1);
    });
  });

  it('has one hello: a second one ends its stream', async () => {
    await both(async (service) => {
      const before = service.logged('code=UNEXPECTED_MESSAGE ');
      const connection = await strangers.client(service, networkId);
      const stream = await openStream(connection, HELLO_PROTOCOL);
      await until('the stream ends', () => stream.status !== 'open');
      await loggedMore(service, 'UNEXPECTED_MESSAGE', before);
      expect(connection.status).toBe('open');
    });
  });
});
