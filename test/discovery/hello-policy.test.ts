import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { describe, expect, it } from 'vitest';
import { HelloRefusedError, NetworkChangedError, StoreError } from '../../src/base/errors.ts';
import { NetworkPolicy, recallNetwork, type KnownNetwork } from '../../src/discovery/hello-policy.ts';
import type { HelloPolicy } from '../../src/net/hello.ts';
import { Host } from '../../src/net/host.ts';
import { encodeHello, type Hello } from '../../src/wire/hello.ts';
import { formatNetworkId } from '../../src/wire/membership.ts';
import { makeCertificate, makeNetwork, makePeerId, space, type TestNetwork } from '../wire/signing.ts';
import { cleanUp, discover, keptLog, LISTEN, makeDir, member, participant, present, WAIT } from './network.ts';

const nothing = new Uint8Array(0);

function known(network: TestNetwork): KnownNetwork {
  return recallNetwork(network.parameters);
}

async function peerPolicy(network: TestNetwork): Promise<NetworkPolicy> {
  const { envelope } = await makeCertificate(network);
  return new NetworkPolicy({ role: 'peer', network: known(network), certificate: envelope, addrs: () => [] });
}

function hello(fields: Partial<Hello>): Uint8Array {
  const blank: Hello = {
    networkId: nothing,
    role: 'client',
    certificate: nothing,
    addrs: [],
    agent: '',
    parameters: nothing,
  };
  return encodeHello({ ...blank, ...fields });
}

describe('a peer', () => {
  it('knows another peer by its certificate, and a client by its lack of one', async () => {
    const network = await makeNetwork();
    const policy = await peerPolicy(network);
    const { networkId } = network;
    const { certificate, envelope } = await makeCertificate(network);
    const { nodeId, peerId, serial } = certificate;
    const addrs = ['/ip4/192.0.2.7/tcp/4001'];
    const said = hello({ networkId, role: 'peer', certificate: envelope, addrs });
    expect(policy.judge(certificate.peerId, said)).toEqual({
      peerId: certificate.peerId,
      role: 'peer',
      contact: { nodeId, peerId, serial, addrs, certificate: envelope },
    });
    const client = await makePeerId();
    expect(policy.judge(client, hello({ networkId }))).toEqual({ peerId: client, role: 'client' });
  });

  it('refuses hellos that do not prove what they say', async () => {
    const [network, other] = [await makeNetwork(), await makeNetwork()];
    const policy = await peerPolicy(network);
    const { networkId } = network;
    const { certificate, envelope } = await makeCertificate(network);
    const { peerId } = certificate;
    const asDiscovery = await makeCertificate(network, { role: 'discovery', peerId });
    const foreign = await makeCertificate(other, { peerId });
    const forged = await makeCertificate(other, { peerId, networkId });
    const wrong: [RegExp, string, Partial<Hello>][] = [
      [/without a certificate/, peerId, { networkId, role: 'peer' }],
      [/not that of/, await makePeerId(), { networkId, role: 'peer', certificate: envelope }],
      [/not a peer/, peerId, { networkId, role: 'peer', certificate: asDiscovery.envelope }],
      [/another network signed/, peerId, { networkId, role: 'peer', certificate: foreign.envelope }],
      [/another network signed/, peerId, { networkId, role: 'peer', certificate: forged.envelope }],
      [/is of the network .* not of/, peerId, { networkId: other.networkId, role: 'peer', certificate: envelope }],
      [/names none/, peerId, { role: 'client' }],
      [/client with a certificate/, peerId, { networkId, role: 'client', certificate: envelope }],
      [/not that of/, await makePeerId(), { networkId, role: 'discovery', certificate: asDiscovery.envelope }],
      [/without a certificate as one/, peerId, { networkId, role: 'discovery', certificate: envelope }],
    ];
    for (const [message, remote, fields] of wrong) {
      const judging = () => policy.judge(remote, hello(fields));
      expect(judging).toThrow(message);
      expect(judging).toThrow(StoreError);
    }
    policy.judge(peerId, hello({ networkId, role: 'peer', certificate: envelope }));
  });

  it('refuses a certificate that the member list has made void', async () => {
    const network = await makeNetwork();
    const policy = await peerPolicy(network);
    const { networkId } = network;
    const { certificate, envelope } = await makeCertificate(network);
    const { peerId, nodeId } = certificate;
    const said = hello({ networkId, role: 'peer', certificate: envelope });
    const list = (epoch: number, incarnation: number, status: 'member' | 'left') => ({
      networkId,
      epoch,
      members: [{ nodeId, peerId, incarnation, status }],
    });
    policy.noteMembers(list(2, 1, 'member'));
    policy.judge(peerId, said);
    policy.noteMembers(list(3, 1, 'left'));
    expect(() => policy.judge(peerId, said)).toThrow(/is void/);
    policy.noteMembers(list(4, 2, 'member'));
    expect(() => policy.judge(peerId, said)).toThrow(/is void/);
    policy.noteMembers(list(1, 1, 'member'));
    expect(() => policy.judge(peerId, said)).toThrow(/is void/);
  });

  it('lets go of one that left, and refuses it from then on', async () => {
    const timing = { noticeIntervalMs: 60, silenceMs: 5000, collectMs: 10 };
    const discovery = await discover({ timing });
    const leaving = await member(discovery.addrs, { timing });
    const staying = await member(discovery.addrs, { timing });
    await present(staying);
    const target = { peerId: staying.host.peerId, addrs: staying.host.addrs() };
    await leaving.host.meet(target, WAIT);
    const gone = new Promise<string>((resolve) => {
      staying.host.onDisconnect(resolve);
    });
    await leaving.client.leave(WAIT);
    expect(await gone).toBe(leaving.host.peerId);
    const back = { peerId: leaving.host.peerId, addrs: leaving.host.addrs() };
    await expect(staying.host.meet(back, WAIT)).rejects.toThrow(/is void/);
  });

  it('talks to nobody but discovery peers before it is registered', async () => {
    const discovery = await discover();
    const registered = await member(discovery.addrs);
    const newcomer = await participant(discovery.addrs);
    await newcomer.client.contact(WAIT);
    const target = { peerId: registered.host.peerId, addrs: registered.host.addrs() };
    await expect(newcomer.host.meet(target, WAIT)).rejects.toThrow(/a peer without a certificate/);
    const back = { peerId: newcomer.host.peerId, addrs: newcomer.host.addrs() };
    await expect(registered.host.meet(back, WAIT)).rejects.toThrow(/not registered yet/);
    await newcomer.client.register({}, WAIT);
    expect(await newcomer.host.meet(target, WAIT)).toMatchObject({
      peerId: registered.host.peerId,
      contact: { nodeId: 0 },
    });
  });
});

describe('two networks on one LAN', () => {
  it('do not mix', async () => {
    const [one, two] = [await discover(), await discover()];
    const [a, b] = [await member(one.addrs), await member(two.addrs)];
    const meeting = a.host.meet({ addrs: b.host.addrs() }, WAIT);
    await expect(meeting).rejects.toThrow(HelloRefusedError);
    const [idOfA, idOfB] = [formatNetworkId(one.networkId), formatNetworkId(two.networkId)];
    await expect(meeting).rejects.toThrow(new RegExp(`of the network ${idOfB}, not of ${idOfA}`));
  });

  it('are told apart by whoever remembers one: the other is refused with both named, and the remedy', async () => {
    const [one, two] = [await discover(), await discover()];
    const client = await participant(one.addrs, { role: 'client' });
    const network = await client.client.contact(WAIT);
    const returning = await participant(two.addrs, { role: 'client', network });
    const failure = returning.client.contact(WAIT);
    await expect(failure).rejects.toThrow(NetworkChangedError);
    const [first, second] = [formatNetworkId(one.networkId), formatNetworkId(two.networkId)];
    await expect(failure).rejects.toThrow(
      new RegExp(`is of the network ${second}, but the one known here is ${first}; .*fresh directory`),
    );
  });
});

describe('a false discovery peer', () => {
  /** Listens and answers hello with these bytes, whoever asks. */
  async function impostor(greeting: (peerId: string) => Promise<Uint8Array>): Promise<string[]> {
    const privateKey = await generateKeyPair('Ed25519');
    const bytes = await greeting(peerIdFromPrivateKey(privateKey).toString());
    const policy: HelloPolicy = {
      greeting: () => bytes,
      judge: (peerId) => ({ peerId, role: 'client' }),
    };
    const host = await Host.start({ privateKey, listen: LISTEN, policy, log: keptLog() });
    cleanUp(() => host.stop());
    return host.addrs();
  }

  it('that shows the true network and its parameters is refused without a certificate for itself', async () => {
    const network = await makeNetwork();
    const { networkId, parameters } = network;
    const stolen = (await makeCertificate(network, { role: 'discovery', nodeId: space.position(0) })).envelope;
    const addrs = await impostor(() =>
      Promise.resolve(hello({ networkId, role: 'discovery', certificate: stolen, parameters })),
    );
    const fresh = await participant(addrs, { role: 'client' });
    await expect(fresh.client.contact(WAIT)).rejects.toThrow(/not that of/);
    expect(fresh.policy.network).toBeUndefined();
    const returning = await participant(addrs, { role: 'client', network: known(network) });
    await expect(returning.client.contact(WAIT)).rejects.toThrow(/not that of/);
  });

  it('that signs with a key of its own passes for a network of its own, never for the known one', async () => {
    const [truth, lie] = [await makeNetwork(), await makeNetwork()];
    const greeting = (networkId: Uint8Array) => async (peerId: string) => {
      const certificate = (await makeCertificate(lie, { role: 'discovery', peerId })).envelope;
      return hello({ networkId, role: 'discovery', certificate, parameters: lie.parameters });
    };
    const network = known(truth);
    const honest = await participant(await impostor(greeting(lie.networkId)), { role: 'client', network });
    await expect(honest.client.contact(WAIT)).rejects.toThrow(NetworkChangedError);
    const claiming = await impostor(greeting(truth.networkId));
    const returning = await participant(claiming, { role: 'client', network });
    await expect(returning.client.contact(WAIT)).rejects.toThrow(/another network signed/);
    const fresh = await participant(claiming, { role: 'client' });
    await expect(fresh.client.contact(WAIT)).rejects.toThrow(/another network than it says/);
  });
});

describe('what a host knows', () => {
  it('of its network is what it remembered, also while the discovery peer is away', async () => {
    const dir = await makeDir();
    const discovery = await discover({ dir });
    const peer = await member(discovery.addrs);
    const other = await member(discovery.addrs);
    const { key, policy } = peer;
    await discovery.stop();
    await peer.host.stop();
    const network = recallNetwork(policy.network?.parametersEnvelope ?? nothing);
    const restarted = await participant(discovery.addrs, { key, network, certificate: policy.certificate });
    const target = { peerId: other.host.peerId, addrs: other.host.addrs() };
    expect((await restarted.host.meet(target, WAIT)).contact?.peerId).toBe(other.host.peerId);
  });
});
