import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { defined } from '../../src/base/assert.ts';
import { RequestRate } from '../../src/discovery/request-rate.ts';
import type { FrameStream } from '../../src/net/frame-stream.ts';
import {
  decodeDiscoveryAnswer,
  DISCOVERY_PROTOCOL,
  encodeDiscoveryRequest,
  type DiscoveryAnswer,
} from '../../src/wire/discovery.ts';
import { DiscoveryRequest } from '../../src/wire/generated/discovery.ts';
import { DISCOVERY_ANSWER_BYTES_MAX, DISCOVERY_REQUEST_BYTES_MAX } from '../../src/wire/limits.ts';
import { discover, keptLog, member, present, until, WAIT, type Participant } from './network.ts';

async function attacked() {
  const log = keptLog();
  const discovery = await discover({ log });
  const attacker = await member(discovery.addrs);
  const open = () => attacker.host.open({ peerId: discovery.peerId, addrs: discovery.addrs }, DISCOVERY_PROTOCOL, WAIT);
  /** Whatever was sent, the others are served. */
  const stillServes = async () => {
    const { memberList } = await attacker.client.members(WAIT);
    expect(memberList.members).toHaveLength(1);
  };
  const codes = () => log.lines.filter(({ event }) => event === 'a stream failed').map(({ fields }) => fields['code']);
  return { discovery, attacker, open, stillServes, codes };
}

async function answer(stream: FrameStream, { policy }: Participant): Promise<DiscoveryAnswer | undefined> {
  const bytes = await stream.readFrame(DISCOVERY_ANSWER_BYTES_MAX, WAIT);
  return bytes && decodeDiscoveryAnswer(bytes, policy.reader);
}

async function ended(stream: FrameStream): Promise<void> {
  await new Promise<void>((resolve) => {
    stream.onClosed(resolve);
    void stream.closeWrite(WAIT).catch(() => {});
  });
}

describe('the discovery peer', () => {
  it.each([
    ['random bytes', randomBytes(200).fill(0xff, 0, 4), 'BAD_MESSAGE'],
    ['an empty frame', new Uint8Array(0), 'BAD_MESSAGE'],
    ['a request of an unknown type', Uint8Array.of(0xfa, 0x01, 0), 'BAD_MESSAGE'],
    ['a renewal outside a subscription', encodeDiscoveryRequest({ type: 'renew', addrs: [] }), 'UNEXPECTED_MESSAGE'],
    [
      'an id outside the ring',
      DiscoveryRequest.encode({ register: { addrs: [], wantedId: 70_000, certificate: new Uint8Array(0) } }),
      'BAD_MESSAGE',
    ],
  ])('answers %s by name, ends that stream, and serves on', async (_what, bytes, code) => {
    const { attacker, open, stillServes, codes } = await attacked();
    const stream = await open();
    await stream.writeFrame(bytes, WAIT);
    expect(await answer(stream, attacker)).toMatchObject({ type: 'failure', error: { code } });
    await ended(stream);
    await stillServes();
    await until(() => codes().length > 0);
    expect(codes()).toEqual([code]);
  });

  it('cuts a stream whose frame is too long before it has come', async () => {
    const { open, stillServes, codes } = await attacked();
    const stream = await open();
    await stream.writeFrame(new Uint8Array(DISCOVERY_REQUEST_BYTES_MAX + 1), WAIT);
    await expect(stream.readFrame(1000, WAIT)).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
    await stillServes();
    expect(codes()).toEqual(['FRAME_TOO_LARGE']);
  });

  it('ends a subscription on which another request comes', async () => {
    const { discovery, attacker, open, codes } = await attacked();
    const other = await member(discovery.addrs);
    await present(other);
    const stream = await open();
    await stream.writeFrame(encodeDiscoveryRequest({ type: 'subscribe', addrs: [] }), WAIT);
    expect(await answer(stream, attacker)).toMatchObject({
      type: 'presence',
      arrived: [{ peerId: other.host.peerId }],
    });
    await stream.writeFrame(encodeDiscoveryRequest({ type: 'leave' }), WAIT);
    await expect(stream.readFrame(1000, WAIT)).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
    const { memberList, present: left } = await other.client.members(WAIT);
    expect(memberList.members.every(({ status }) => status === 'member')).toBe(true);
    expect(left.map(({ peerId }) => peerId)).toEqual([other.host.peerId]);
    await until(() => codes().length > 0);
    expect(codes()).toEqual(['UNEXPECTED_MESSAGE']);
  });

  it('refuses subscriptions of a member that leaves while they are taken up', async () => {
    const { discovery, attacker, open } = await attacked();
    const leaving = await open();
    const streams = await Promise.all(Array.from({ length: 40 }, open));
    const written = [leaving.writeFrame(encodeDiscoveryRequest({ type: 'leave' }), WAIT)];
    for (const [index, stream] of streams.entries()) {
      const addrs = [`/ip4/127.0.0.1/tcp/${String(index + 1)}`];
      written.push(stream.writeFrame(encodeDiscoveryRequest({ type: 'subscribe', addrs }), WAIT));
      const next = performance.now() + 0.15;
      while (performance.now() < next) await new Promise(setImmediate);
    }
    await Promise.all(written);
    expect(await answer(leaving, attacker)).toMatchObject({ type: 'done' });
    const refused = await answer(defined(streams.at(-1), 'the last'), attacker);
    expect(refused).toMatchObject({ type: 'failure', error: { code: 'NOT_PERMITTED' } });
    const other = await member(discovery.addrs);
    expect((await other.client.members(WAIT)).present).toEqual([]);
  });

  it('refuses a flood of requests from one peer, and serves the others', async () => {
    const { discovery, attacker, open, codes } = await attacked();
    const stream = await open();
    const request = encodeDiscoveryRequest({ type: 'random-peer', except: [] });
    await stream.writeFrames(
      Array.from({ length: 300 }, () => request),
      WAIT,
    );
    const answers: (string | undefined)[] = [];
    for (let last = await answer(stream, attacker); last?.type === 'failure'; last = await answer(stream, attacker)) {
      answers.push(last.error.code);
      if (last.error.code === 'BUSY') break;
    }
    expect(answers.length).toBeLessThan(300);
    expect(answers.at(-1)).toBe('BUSY');
    await ended(stream);
    await until(() => codes().length > 0);
    expect(codes()).toEqual(['BUSY']);
    await member(discovery.addrs);
  });

  it('does not let one stream that says nothing keep others from being served', async () => {
    const { open, stillServes } = await attacked();
    const streams = await Promise.all(Array.from({ length: 20 }, open));
    await stillServes();
    for (const stream of streams) stream.abort(new Error('done'));
  });
});

describe('the rate of requests', () => {
  it('allows a burst, then a steady flow, for each PeerId apart', () => {
    let now = 0;
    const rate = new RequestRate(() => now);
    const allowed = (peerId: string, tries: number) => {
      let count = 0;
      for (let i = 0; i < tries; i++) if (rate.allows(peerId)) count++;
      return count;
    };
    expect(allowed('a', 1000)).toBe(128);
    expect(allowed('b', 10)).toBe(10);
    now += 1000;
    expect(allowed('a', 1000)).toBe(32);
    now += 3_600_000;
    expect(allowed('a', 1000)).toBe(128);
    rate.forget('a');
    expect(allowed('a', 1000)).toBe(128);
  });
});
