/**
 * Hostile and broken input on every protocol, from real libp2p clients, against peers and a discovery peer as they are:
 * the stream is closed, the log names the error, everybody else is served on, and memory does not grow.
 */

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Key } from '../../src/id/id-space.ts';
import { FrameStream } from '../../src/net/frame-stream.ts';
import { DISCOVERY_PROTOCOL } from '../../src/wire/discovery.ts';
import { encodeFileRequest, FILE_PROTOCOL } from '../../src/wire/file.ts';
import { DISCOVERY_REQUEST_BYTES_MAX, FILE_FRAME_BYTES_MAX, OVERLAY_FRAME_BYTES_MAX } from '../../src/wire/limits.ts';
import { encodeLookupRequest, LOOKUP_PROTOCOL, LOOKUP_REQUEST_BYTES_MAX } from '../../src/wire/lookup.ts';
import { OVERLAY_PROTOCOL } from '../../src/wire/overlay.ts';
import { REPLICA_PROTOCOL } from '../../src/wire/replica.ts';
import { Network, type Peer } from './harness/network.ts';
import type { Service } from './harness/service.ts';
import { until } from './harness/until.ts';
import { frame, loggedMore, openStream, servesOn, Strangers } from './stranger.ts';

const WAIT = { timeoutMs: 15_000 };
const KIB = 1024;
const MIB = 1024 * KIB;
/** What a process that is being attacked may hold more than before: garbage that is not collected yet. */
const GROWTH_BYTES_MAX = 96 * MIB;

let network: Network;
let peer: Peer;
let networkId: Uint8Array;
const strangers = new Strangers();
const resident = new Map<Service, number>();

beforeAll(async () => {
  network = await Network.start({ title: 'hostile', peers: 2 });
  peer = network.peers[0] as Peer;
  networkId = await strangers.networkId(network.discovery);
  await servesOn(network);
  for (const service of [peer, network.discovery]) resident.set(service, await service.residentBytes());
});
afterAll(async () => {
  await strangers.stop();
  await network.close();
});

type Attack = readonly [title: string, protocol: string, code: string, bytes: Uint8Array, close?: true];

const get = encodeFileRequest({
  type: 'get',
  name: 'x',
  version: undefined,
  offset: 0,
  length: 0,
  localOnly: true,
});
const lookup = encodeLookupRequest({ requestId: 1, key: 0x1_2345 as Key });

function attacks(protocol: string, frameBytesMax: number, foreign: Uint8Array): Attack[] {
  return [
    ['bytes that are no message', protocol, 'BAD_MESSAGE', frame(Buffer.alloc(Math.min(48, frameBytesMax), 0xff))],
    ['a message that is not one of its own', protocol, 'BAD_MESSAGE', frame(foreign)],
    ['a length beyond the limit', protocol, 'FRAME_TOO_LARGE', frame(randomBytes(10), frameBytesMax + 1)],
    ['an absurd length', protocol, 'FRAME_TOO_LARGE', frame(randomBytes(100), 0xffff_ffff)],
    ['half a length', protocol, 'STREAM_CLOSED', Uint8Array.of(0, 0), true],
    ['half a message', protocol, 'STREAM_CLOSED', frame(randomBytes(10), 20), true],
  ];
}

async function runAttacks(service: Service, list: readonly Attack[]): Promise<void> {
  const connection = await strangers.client(service, networkId);
  for (const [title, protocol, code, bytes, close] of list) {
    const before = service.logged(`code=${code} `);
    const stream = await openStream(connection, protocol);
    stream.send(bytes);
    if (close === true) await stream.close();
    await loggedMore(service, code, before, `${title} on ${protocol}`);
    await until(`the stream with ${title} ends`, () => stream.status !== 'open');
  }
  expect(connection.status).toBe('open');
}

describe('on the file protocol', () => {
  it('garbage ends its stream with a named error, and nothing else', async () => {
    await runAttacks(peer, attacks(FILE_PROTOCOL, FILE_FRAME_BYTES_MAX, lookup));
    await servesOn(network);
  });

  it('a store that breaks its rules leaves nothing behind', async () => {
    const put = encodeFileRequest({
      type: 'put',
      name: 'broken',
      sizeHint: undefined,
      replicas: 1,
      waitFor: 1,
      condition: 'any',
      uploadId: undefined,
    });
    const { chunk, end } = { chunk: frame(randomBytes(MIB)), end: frame(new Uint8Array(0)) };
    const root = network.rootOf('broken');
    for (const [code, frames] of [
      ['FRAME_TOO_LARGE', [chunk, frame(randomBytes(100), MIB + 1)]],
      ['BAD_MESSAGE', [chunk, chunk, end, frame(randomBytes(300))]],
      ['BAD_MESSAGE', [end, frame(encodeFileRequest({ type: 'stat', name: 'x', localOnly: true }))]],
      ['FRAME_TOO_LARGE', [chunk, end, frame(randomBytes(10), 100_000)]],
    ] as const) {
      const before = root.logged(`code=${code} `);
      const connection = await strangers.client(root, networkId);
      const stream = await openStream(connection, FILE_PROTOCOL);
      const content = new FrameStream(stream);
      await content.writeFrame(put, WAIT);
      expect(await content.readFrame(FILE_FRAME_BYTES_MAX, WAIT)).toBeDefined();
      for (const bytes of frames) stream.send(bytes);
      await until('the stream ends', () => stream.status !== 'open');
      await loggedMore(root, code, before);
    }
    await until('nothing is staged', async () => (await root.staged()).length === 0);
    const client = await network.connect();
    await expect(client.stat('broken')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await servesOn(network);
  });
});

describe('on the protocol of the replicas', () => {
  it('a client may not ask what only peers may', async () => {
    const before = peer.logged('code=UNEXPECTED_MESSAGE ');
    const stream = await openStream(await strangers.client(peer, networkId), REPLICA_PROTOCOL);
    await until('the stream ends', () => stream.status !== 'open');
    await loggedMore(peer, 'UNEXPECTED_MESSAGE', before);
    await servesOn(network);
  });
});

describe('on the lookup protocol', () => {
  it('garbage ends its stream with a named error, and nothing else', async () => {
    await runAttacks(peer, attacks(LOOKUP_PROTOCOL, LOOKUP_REQUEST_BYTES_MAX, lookup));
    await servesOn(network);
  });
});

describe('on the discovery protocol', () => {
  it('garbage ends its stream with a named error, and nothing else', async () => {
    await runAttacks(network.discovery, attacks(DISCOVERY_PROTOCOL, DISCOVERY_REQUEST_BYTES_MAX, lookup));
    await servesOn(network);
  });

  it('peers do not serve it at all', async () => {
    const connection = await strangers.client(peer, networkId);
    await expect(openStream(connection, DISCOVERY_PROTOCOL)).rejects.toThrow();
    await servesOn(network);
  });
});

describe('on the overlay protocol', () => {
  it('a client is told off', async () => {
    const before = peer.logged('code=UNEXPECTED_MESSAGE ');
    const connection = await strangers.client(peer, networkId);
    const stream = await openStream(connection, OVERLAY_PROTOCOL);
    stream.send(frame(randomBytes(50)));
    await until('the stream ends', () => stream.status !== 'open');
    await loggedMore(peer, 'UNEXPECTED_MESSAGE', before);
    await servesOn(network);
  });

  it('so is a member whose messages are none', async () => {
    const member = await strangers.member(network.discovery);
    const target = { peerId: peer.ready.peerId, addrs: peer.ready.addrs };
    for (const [code, payload] of [
      ['BAD_MESSAGE', Buffer.alloc(60, 0xff)],
      ['BAD_MESSAGE', get],
      ['FRAME_TOO_LARGE', Buffer.alloc(OVERLAY_FRAME_BYTES_MAX + 1)],
    ] as const) {
      const before = peer.logged(`code=${code} `);
      const stream = await member.open(target, OVERLAY_PROTOCOL, WAIT, { waitForHello: true });
      await stream.writeFrame(payload, WAIT).catch(() => undefined);
      await until('the stream ends', () => stream.closed);
      await loggedMore(peer, code, before);
    }
    await servesOn(network);
  });
});

describe('memory', () => {
  it('holds only a little for messages that never end', async () => {
    const connection = await strangers.client(peer, networkId);
    const trickles = await Promise.all(Array.from({ length: 100 }, () => openStream(connection, FILE_PROTOCOL)));
    for (const stream of trickles) stream.send(frame(randomBytes(200 * KIB), FILE_FRAME_BYTES_MAX));
    const more = setInterval(() => {
      for (const stream of trickles) if (stream.status === 'open') stream.send(Uint8Array.of(1));
    }, 50);
    try {
      for (let i = 0; i < 5; i++) await servesOn(network);
      expect(await peer.residentBytes()).toBeLessThan((resident.get(peer) ?? 0) + GROWTH_BYTES_MAX);
    } finally {
      clearInterval(more);
    }
  });

  it('does not grow with the number of attacks', async () => {
    const attack = async (): Promise<void> => {
      const connection = await strangers.client(peer, networkId);
      await Promise.all(
        Array.from({ length: 30 }, async (_, i) => {
          const stream = await openStream(connection, i % 2 === 0 ? FILE_PROTOCOL : LOOKUP_PROTOCOL);
          stream.send(frame(randomBytes(100 * KIB), i % 3 === 0 ? FILE_FRAME_BYTES_MAX : 0xffff_ffff));
          if (i % 5 === 0) stream.abort(new Error('gone'));
        }),
      );
      await connection.close();
    };
    // The first ones make the heap as large as it gets.
    for (let round = 0; round < 15; round++) await attack();
    const before = await peer.residentBytes();
    for (let round = 0; round < 30; round++) await attack();
    await servesOn(network);
    const grown = (await peer.residentBytes()) - before;
    console.log(`900 attacks, ${(grown / MIB).toFixed(0)} MiB more in memory`);
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX / 2);
    for (const [service, atFirst] of resident) {
      expect(await service.residentBytes()).toBeLessThan(atFirst + 2 * GROWTH_BYTES_MAX);
    }
  });
});
