import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { UsageError } from '../../src/base/errors.ts';
import { IdSpace } from '../../src/id/id-space.ts';
import { openMemberList } from '../../src/wire/membership.ts';
import { discover, makeDir, member, participant, WAIT } from './network.ts';

const space = new IdSpace(16);

describe('first contact', () => {
  it('learns the network and its parameters from the discovery peer', async () => {
    const discovery = await discover({ parameters: { name: 'here', replicas: 3 } });
    const { client } = await participant(discovery.addrs, { role: 'client' });
    const network = await client.contact(WAIT);
    expect(network.networkId).toEqual(discovery.networkId);
    expect(network.parameters).toMatchObject({ name: 'here', replicas: 3, idBits: 16 });
  });

  it('works without a PeerId in the address, and with a dead address in front', async () => {
    const discovery = await discover();
    const bare = discovery.addrs.map((addr) => addr.replace(/\/p2p\/.*$/, ''));
    const { client } = await participant(['/ip4/127.0.0.1/tcp/1', ...bare], { role: 'client' });
    expect((await client.contact(WAIT)).networkId).toEqual(discovery.networkId);
  });

  it('with nobody there fails by name, with every address, the cause and the remedy', async () => {
    const addrs = ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'];
    const { client } = await participant(addrs, { role: 'client' });
    const failure = client.contact(WAIT);
    await expect(failure).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await expect(failure).rejects.toThrow(/tcp\/1 \(UNREACHABLE.*tcp\/2 \(UNREACHABLE.*p2p-discovery start/);
  });

  it('refuses an address that is none', async () => {
    await expect(participant(['localhost:4001'])).rejects.toThrow(UsageError);
    await expect(participant([])).rejects.toThrow(/--discovery or in P2P_DISCOVERY/);
  });

  it('with a host that is no discovery peer says so', async () => {
    const discovery = await discover();
    const peer = await member(discovery.addrs);
    const { client } = await participant(peer.host.addrs(), { role: 'client', network: peer.policy.network });
    await expect(client.contact(WAIT)).rejects.toThrow(/there is a peer, not a discovery peer/);
  });
});

describe('registration', () => {
  it('gives ids apart, a certificate, the member list, and seeds that are never oneself', async () => {
    const discovery = await discover();
    const [a, b] = [await participant(discovery.addrs), await participant(discovery.addrs)];
    const first = await a.client.register({}, WAIT);
    expect(first).toMatchObject({ certificate: { nodeId: 0, peerId: a.host.peerId, incarnation: 1 }, seeds: [] });
    const second = await b.client.register({}, WAIT);
    expect(second.certificate.nodeId).toBe(0x8000);
    expect(second.memberList.members.map(({ peerId }) => peerId)).toEqual([a.host.peerId, b.host.peerId]);
    // Nobody is present yet: members as they were last known.
    expect(second.seeds).toMatchObject([{ peerId: a.host.peerId, addrs: a.host.addrs() }]);
    const again = await a.client.register({}, WAIT);
    expect(again.certificate).toMatchObject({ nodeId: 0, incarnation: 1 });
    expect(again.seeds.map(({ peerId }) => peerId)).toEqual([b.host.peerId]);
  });

  it('of many at once gives each an id of its own', async () => {
    const discovery = await discover();
    const peers = await Promise.all(Array.from({ length: 12 }, () => participant(discovery.addrs)));
    const answers = await Promise.all(peers.map(({ client }) => client.register({}, WAIT)));
    expect(new Set(answers.map(({ certificate }) => certificate.nodeId)).size).toBe(12);
    const epochs = answers.map(({ memberList }) => memberList.epoch);
    expect(Math.max(...epochs)).toBe(1 + 12);
  });

  it('gives a wanted id where ids may be chosen, once', async () => {
    const discovery = await discover({ allowChosenIds: true });
    const [a, b] = [await participant(discovery.addrs), await participant(discovery.addrs)];
    const wantedId = space.position(0xa1b2);
    expect((await a.client.register({ wantedId }, WAIT)).certificate.nodeId).toBe(wantedId);
    await expect(b.client.register({ wantedId }, WAIT)).rejects.toMatchObject({
      code: 'NOT_PERMITTED',
      message: 'the node id a1b2 is taken; choose another one',
    });
    expect(b.policy.certificate).toHaveLength(0);
  });

  it('gives no wanted id elsewhere', async () => {
    const discovery = await discover();
    const { client } = await participant(discovery.addrs);
    const wanted = client.register({ wantedId: space.position(0xa1b2) }, WAIT);
    await expect(wanted).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
  });

  it('is for peers only', async () => {
    const discovery = await discover();
    const { client } = await participant(discovery.addrs, { role: 'client' });
    await expect(client.register({}, WAIT)).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    expect((await client.members(WAIT)).memberList.members).toEqual([]);
  });

  it('of a peer without its certificate, or with an old one, begins a new incarnation at the same place', async () => {
    const discovery = await discover();
    const { key, policy, host } = await member(discovery.addrs);
    const old = policy.certificate;
    await host.stop();
    const lost = await participant(discovery.addrs, { key });
    expect((await lost.client.register({}, WAIT)).certificate).toMatchObject({ nodeId: 0, incarnation: 2 });
    await lost.host.stop();
    const restored = await participant(discovery.addrs, { key, certificate: old });
    const { certificate } = await restored.client.register({}, WAIT);
    expect(certificate).toMatchObject({ nodeId: 0, incarnation: 3 });
    await restored.host.stop();
    const whole = await participant(discovery.addrs, { key, certificate: restored.policy.certificate });
    expect((await whole.client.register({}, WAIT)).certificate).toMatchObject({ nodeId: 0, incarnation: 3 });
  });

  it('is all that a peer may do that shows an old certificate or none', async () => {
    const discovery = await discover();
    const { key, policy, client, host } = await member(discovery.addrs);
    const old = policy.certificate;
    await client.register({}, WAIT);
    await host.stop();
    for (const certificate of [old, undefined]) {
      const stale = await participant(discovery.addrs, { key, certificate });
      await expect(stale.client.leave(WAIT)).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
      const over = stale.client.subscribe(() => {}, new AbortController().signal);
      await expect(over).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
      await stale.host.stop();
    }
    const back = await member(discovery.addrs, { key, certificate: old });
    await back.client.leave(WAIT);
  });

  it("with somebody else's certificate is refused at hello", async () => {
    const discovery = await discover();
    const { policy, host } = await member(discovery.addrs);
    const thief = await participant(discovery.addrs, { certificate: policy.certificate });
    await expect(thief.client.contact(WAIT)).rejects.toThrow(
      new RegExp(`shown is ${host.peerId}'s, not that of ${thief.host.peerId}`),
    );
  });
});

describe('leaving', () => {
  it('frees the id and makes the certificate void', async () => {
    const discovery = await discover();
    const leaver = await member(discovery.addrs);
    await leaver.client.leave(WAIT);
    const { memberList } = await leaver.client.members(WAIT);
    expect(memberList).toMatchObject({ epoch: 3, members: [{ peerId: leaver.host.peerId, status: 'left' }] });
    await expect(leaver.client.leave(WAIT)).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    const heir = await participant(discovery.addrs);
    expect((await heir.client.register({}, WAIT)).certificate.nodeId).toBe(0);
  });

  it('is for members only', async () => {
    const discovery = await discover();
    const stranger = await participant(discovery.addrs);
    await expect(stranger.client.leave(WAIT)).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    await expect(stranger.client.stop(WAIT)).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
  });
});

describe('a restart', () => {
  it('keeps network, identity, members, ids and addresses, and goes on with epochs and serials', async () => {
    const dir = await makeDir();
    const before = await discover({ dir, parameters: { name: 'kept' } });
    const peer = await member(before.addrs);
    const other = await member(before.addrs);
    const list = (await peer.client.members(WAIT)).memberList;
    await before.stop();

    const after = await discover({ dir });
    expect(after.peerId).toBe(before.peerId);
    expect(toHex(after.networkId)).toBe(toHex(before.networkId));
    expect(after.parameters.name).toBe('kept');
    const { key, policy } = peer;
    await peer.host.stop();
    const back = await participant(after.addrs, { key, network: policy.network, certificate: policy.certificate });
    expect((await back.client.members(WAIT)).memberList).toEqual(list);
    const { certificate, seeds } = await back.client.register({}, WAIT);
    expect(certificate).toMatchObject({ nodeId: 0, incarnation: 1, serial: 4 });
    expect(seeds).toMatchObject([{ peerId: other.host.peerId, addrs: other.host.addrs() }]);
  });

  it('with the key and an empty registry gives peers back the places that their certificates show', async () => {
    const dir = await makeDir();
    const before = await discover({ dir });
    await member(before.addrs);
    const peer = await member(before.addrs);
    await before.stop();
    await rm(`${dir}/registry`, { recursive: true });

    const after = await discover({ dir });
    expect(toHex(after.networkId)).toBe(toHex(before.networkId));
    const { key, policy } = peer;
    await peer.host.stop();
    const back = await participant(after.addrs, { key, network: policy.network, certificate: policy.certificate });
    const { certificate } = await back.client.register({}, WAIT);
    expect(certificate).toMatchObject({ nodeId: 0x8000, incarnation: 2 });
    expect(certificate.serial).toBeGreaterThan(3);
  });
});

describe('the member list', () => {
  it('of one epoch is one and the same, byte for byte, and signed by the network', async () => {
    const discovery = await discover();
    const peer = await participant(discovery.addrs);
    const first = await peer.client.register({}, WAIT);
    const second = await peer.client.register({}, WAIT);
    expect(second.signed.memberList).toEqual(first.signed.memberList);
    const opened = openMemberList(first.signed.memberList, discovery.networkId, space);
    expect(opened).toEqual(first.memberList);
    expect(() => openMemberList(first.signed.memberList, new Uint8Array(32), space)).toThrow();
  });

  it('is there, and empty, before the first member', async () => {
    const discovery = await discover();
    const { client } = await participant(discovery.addrs, { role: 'client' });
    expect(await client.members(WAIT)).toMatchObject({ memberList: { epoch: 1, members: [] }, present: [] });
  });
});
