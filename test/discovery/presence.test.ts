import { describe, expect, it } from 'vitest';
import { defined } from '../../src/base/assert.ts';
import { seededRandom } from '../../src/base/random.ts';
import { Presence, type Subscriber } from '../../src/discovery/presence.ts';
import { DISCOVERY_PROTOCOL, encodeDiscoveryRequest } from '../../src/wire/discovery.ts';
import { makeContact, makeNetwork } from '../wire/signing.ts';
import { discover, keptLog, makeDir, member, participant, present, until, WAIT } from './network.ts';

/** Silence is long enough for a machine that is busy with other tests. */
const QUICK = { noticeIntervalMs: 60, silenceMs: 1200, collectMs: 10 };

describe('a random peer', () => {
  it('is one that is present, never oneself or one that is excepted', async () => {
    const discovery = await discover();
    const peers = [await member(discovery.addrs), await member(discovery.addrs), await member(discovery.addrs)];
    const [a, b, absent] = peers.map(({ host }) => host.peerId);
    const { client } = await participant(discovery.addrs, { role: 'client' });
    const nobody = client.randomPeer([], WAIT);
    await expect(nobody).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await expect(nobody).rejects.toThrow(/no peer is present/);

    await present(defined(peers[0], 'a'));
    await present(defined(peers[1], 'b'));
    const drawn = new Set<string>();
    for (let i = 0; i < 20; i++) drawn.add((await client.randomPeer([], WAIT)).peerId);
    expect(drawn).toEqual(new Set([a, b]));
    expect(drawn).not.toContain(absent);
    expect((await client.randomPeer([defined(a, 'a')], WAIT)).peerId).toBe(b);
    expect((await defined(peers[0], 'a').client.randomPeer([], WAIT)).peerId).toBe(b);
  });

  it('comes with a certificate and with the addresses of the latest subscription', async () => {
    const dir = await makeDir();
    const before = await discover({ dir });
    const { key, host, policy } = await member(before.addrs);
    await host.stop();
    const moved = await participant(before.addrs, { key, network: policy.network, certificate: policy.certificate });
    expect(moved.host.addrs()).not.toEqual(host.addrs());
    await present(moved);
    const { client } = await participant(before.addrs, { role: 'client' });
    const contact = await client.randomPeer([], WAIT);
    expect(contact).toMatchObject({ peerId: host.peerId, nodeId: 0, addrs: moved.host.addrs() });
    expect(contact.certificate).toEqual(policy.certificate);

    await moved.host.stop();
    await before.stop();
    const after = await discover({ dir });
    const newcomer = await participant(after.addrs);
    const { seeds } = await newcomer.client.register({}, WAIT);
    expect(seeds).toMatchObject([{ peerId: host.peerId, addrs: contact.addrs }]);
  });

  it('is no longer one that stopped, left, or whose host died', async () => {
    const discovery = await discover();
    const peers = [await member(discovery.addrs), await member(discovery.addrs), await member(discovery.addrs)];
    const [stopping, leaving, dying] = peers;
    const { client } = await participant(discovery.addrs, { role: 'client' });
    const ends = await Promise.all(peers.map((peer) => present(peer)));
    const presentNow = async () => (await client.members(WAIT)).present.map(({ peerId }) => peerId);
    expect(await presentNow()).toHaveLength(3);

    await ends[0]?.end();
    await stopping?.client.stop(WAIT);
    expect(await presentNow()).not.toContain(stopping?.host.peerId);
    await ends[1]?.end();
    await leaving?.client.leave(WAIT);
    expect(await presentNow()).toEqual([dying?.host.peerId]);
    await dying?.host.stop();
    await until(async () => (await presentNow()).length === 0);
  });
});

describe('a subscription', () => {
  it('is for members only, and says so for good', async () => {
    const discovery = await discover();
    const stranger = await participant(discovery.addrs);
    const over = stranger.client.subscribe(() => {}, new AbortController().signal);
    await expect(over).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
  });

  it('tells who is present at first, and then who arrives', async () => {
    const discovery = await discover({ timing: QUICK });
    const [a, b] = [await member(discovery.addrs), await member(discovery.addrs)];
    const heard: string[] = [];
    await present(a, (peerIds) => heard.push(...peerIds));
    expect(heard).toEqual([]);
    const heardByB: string[] = [];
    await present(b, (peerIds) => heardByB.push(...peerIds));
    expect(heardByB).toEqual([a.host.peerId]);
    await until(() => heard.length > 0);
    expect(heard).toEqual([b.host.peerId]);
  });

  it('stands as long as renewals come, and ends when its peer falls silent', async () => {
    const log = keptLog();
    const discovery = await discover({ timing: QUICK, log });
    const [renewing, silent] = [await member(discovery.addrs), await member(discovery.addrs)];
    await present(renewing);
    const stream = await silent.host.open(
      { peerId: discovery.peerId, addrs: discovery.addrs },
      DISCOVERY_PROTOCOL,
      WAIT,
    );
    await stream.writeFrame(encodeDiscoveryRequest({ type: 'subscribe', addrs: silent.host.addrs() }), WAIT);
    const presentNow = async () => (await renewing.client.members(WAIT)).present.length;
    await until(async () => (await presentNow()) === 2);
    await until(async () => (await presentNow()) === 1);
    expect((await silent.client.randomPeer([], WAIT)).peerId).toBe(renewing.host.peerId);
    const failures = log.lines.filter(({ event }) => event === 'a stream failed');
    expect(failures.map(({ fields }) => fields['code'])).toEqual(['TIMEOUT']);
  });

  it('of a peer that subscribes anew replaces the one before', async () => {
    const discovery = await discover();
    const peer = await member(discovery.addrs);
    const first = await present(peer);
    await present(peer);
    const { client } = await participant(discovery.addrs, { role: 'client' });
    expect((await client.members(WAIT)).present).toHaveLength(1);
    await first.end();
    expect((await client.members(WAIT)).present).toHaveLength(1);
  });

  it('comes back by itself when the discovery peer does', async () => {
    const dir = await makeDir();
    const before = await discover({ dir });
    const listen = before.addrs.map((addr) => addr.replace(/\/p2p\/.*$/, ''));
    const peer = await member(before.addrs, { timing: QUICK });
    let notices = 0;
    await present(peer, () => notices++);
    await before.stop();
    const heard = notices;
    const after = await discover({ dir, listen });
    await until(() => notices > heard);
    const { client } = await participant(after.addrs, { role: 'client' });
    expect((await client.randomPeer([], WAIT)).peerId).toBe(peer.host.peerId);
  });
});

describe('presence', () => {
  it('draws each one that is there about equally often, without repetition, whatever the number', async () => {
    const network = await makeNetwork();
    const presence = new Presence(seededRandom(7));
    const subscribers: Subscriber[] = [];
    for (let i = 0; i < 60; i++) {
      const contact = await makeContact(network);
      subscribers.push({ contact: () => contact, onArrived() {}, onReplaced() {} });
    }
    for (const subscriber of subscribers) presence.arrive(subscriber);
    for (const gone of subscribers.splice(10, 20)) presence.depart(gone.contact().peerId, gone);
    expect(presence.count).toBe(40);
    const except = new Set([defined(subscribers[0], 'the first').contact().peerId]);
    const times = new Map<string, number>();
    for (let i = 0; i < 2000; i++) {
      const drawn = presence.sample(8, except).map(({ peerId }) => peerId);
      expect(new Set(drawn).size).toBe(8);
      for (const peerId of drawn) times.set(peerId, (times.get(peerId) ?? 0) + 1);
    }
    expect(times.size).toBe(39);
    const expected = (2000 * 8) / 39;
    for (const count of times.values()) expect(Math.abs(count - expected)).toBeLessThan(0.25 * expected);
    expect(presence.sample(64, except)).toHaveLength(39);
  });

  it('keeps the later one when the same peer arrives twice', async () => {
    const contact = await makeContact(await makeNetwork());
    const presence = new Presence(seededRandom(7));
    let replaced = 0;
    const first = { contact: () => contact, onArrived() {}, onReplaced: () => replaced++ };
    const second = { contact: () => contact, onArrived() {}, onReplaced() {} };
    presence.arrive(first);
    presence.arrive(second);
    expect(replaced).toBe(1);
    presence.depart(contact.peerId, first);
    expect(presence.has(contact.peerId)).toBe(true);
    presence.depart(contact.peerId, second);
    expect(presence.count).toBe(0);
  });
});
