import { generateKeyPair } from '@libp2p/crypto/keys';
import { describe, expect, it } from 'vitest';
import { BadMessageError } from '../../src/base/errors.ts';
import type { Certificate } from '../../src/membership/certificate.ts';
import type { Member } from '../../src/membership/member-list.ts';
import { DEFAULT_PARAMETERS } from '../../src/membership/network-parameters.ts';
import { sealEnvelope } from '../../src/wire/envelope.ts';
import { WireParameters } from '../../src/wire/generated/membership.ts';
import {
  openCertificate,
  openMemberList,
  openParameters,
  signCertificate,
  signMemberList,
  signParameters,
} from '../../src/wire/membership.ts';
import { makeCertificate, makeNetwork, makePeerId, space } from './signing.ts';

describe('parameters', () => {
  it('come back with the id of the network that signed them', async () => {
    const network = await makeNetwork();
    const opened = await openParameters(network.parameters);
    expect(opened).toEqual({ networkId: network.networkId, parameters: DEFAULT_PARAMETERS });
  });

  it('that are out of range are neither signed nor accepted', async () => {
    const { key } = await makeNetwork();
    const wrong = { ...DEFAULT_PARAMETERS, replicas: DEFAULT_PARAMETERS.leafSetHalf + 1 };
    await expect(signParameters(key, wrong)).rejects.toThrow(/number of replicas/);
    const signed = await sealEnvelope(key, 'parameters', WireParameters.encode(wrong));
    await expect(openParameters(signed)).rejects.toThrow(/number of replicas/);
    const geometry = WireParameters.encode({ ...DEFAULT_PARAMETERS, geometry: 'chord' });
    await expect(openParameters(await sealEnvelope(key, 'parameters', geometry))).rejects.toThrow(/geometry "chord"/);
    const bits = WireParameters.encode({ ...DEFAULT_PARAMETERS, idBits: 24 });
    await expect(openParameters(await sealEnvelope(key, 'parameters', bits))).rejects.toThrow(/id width/);
  });
});

describe('a certificate', () => {
  it('comes back as it was signed', async () => {
    const network = await makeNetwork();
    const { certificate, envelope } = await makeCertificate(network);
    expect(await openCertificate(envelope, network.networkId, space)).toEqual(certificate);
  });

  it('of another network is refused, whichever of the two is forged', async () => {
    const [ours, theirs] = [await makeNetwork(), await makeNetwork()];
    const foreign = await makeCertificate(theirs);
    await expect(openCertificate(foreign.envelope, ours.networkId, space)).rejects.toThrow(/another network signed/);
    const claiming = await makeCertificate(theirs, { networkId: ours.networkId });
    await expect(openCertificate(claiming.envelope, ours.networkId, space)).rejects.toThrow(/another network signed/);
    const naming = await makeCertificate(ours, { networkId: theirs.networkId });
    await expect(openCertificate(naming.envelope, ours.networkId, space)).rejects.toThrow(/of another network/);
  });

  it('with a field out of range is refused', async () => {
    const network = await makeNetwork();
    const { certificate } = await makeCertificate(network);
    const wrong: Partial<Record<keyof Certificate, unknown>>[] = [
      { role: 'root' },
      { peerId: '' },
      { peerId: 'x'.repeat(65) },
      { nodeId: 65536 },
    ];
    for (const fields of wrong) {
      const envelope = await signCertificate(network.key, { ...certificate, ...fields } as Certificate);
      await expect(openCertificate(envelope, network.networkId, space)).rejects.toThrow(BadMessageError);
    }
  });
});

describe('a member list', () => {
  const member = async (nodeId: number, status: Member['status'] = 'member'): Promise<Member> => {
    return { nodeId: space.position(nodeId), peerId: await makePeerId(), incarnation: 1, status };
  };

  it('comes back as it was signed', async () => {
    const { key, networkId } = await makeNetwork();
    const list = { networkId, epoch: 3, members: [await member(1), await member(1, 'left'), await member(2)] };
    expect(await openMemberList(await signMemberList(key, list), networkId, space)).toEqual(list);
  });

  it('is refused from another network, without an epoch, or with two members at one place', async () => {
    const { key, networkId } = await makeNetwork();
    const members = [await member(1)];
    const other = await generateKeyPair('Ed25519');
    const foreign = await signMemberList(other, { networkId, epoch: 3, members });
    await expect(openMemberList(foreign, networkId, space)).rejects.toThrow(/another network signed/);
    const early = await signMemberList(key, { networkId, epoch: 0, members });
    await expect(openMemberList(early, networkId, space)).rejects.toThrow(/epoch/);
    const twice = await signMemberList(key, { networkId, epoch: 3, members: [await member(1), await member(1)] });
    await expect(openMemberList(twice, networkId, space)).rejects.toThrow(/one node id/);
  });
});
