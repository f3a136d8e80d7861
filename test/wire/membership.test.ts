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
    const opened = openParameters(network.parameters);
    expect(opened).toEqual({ networkId: network.networkId, parameters: DEFAULT_PARAMETERS });
  });

  it('that are out of range are neither signed nor accepted', async () => {
    const { key } = await makeNetwork();
    const wrong = { ...DEFAULT_PARAMETERS, replicas: DEFAULT_PARAMETERS.leafSetHalf + 1 };
    expect(() => signParameters(key, wrong)).toThrow(/number of replicas/);
    const signed = sealEnvelope(key, 'parameters', WireParameters.encode(wrong));
    expect(() => openParameters(signed)).toThrow(/number of replicas/);
    const geometry = WireParameters.encode({ ...DEFAULT_PARAMETERS, geometry: 'chord' });
    expect(() => openParameters(sealEnvelope(key, 'parameters', geometry))).toThrow(/geometry "chord"/);
    const bits = WireParameters.encode({ ...DEFAULT_PARAMETERS, idBits: 24 });
    expect(() => openParameters(sealEnvelope(key, 'parameters', bits))).toThrow(/id width/);
  });
});

describe('a certificate', () => {
  it('comes back as it was signed', async () => {
    const network = await makeNetwork();
    const { certificate, envelope } = await makeCertificate(network);
    expect(openCertificate(envelope, network.networkId, space)).toEqual(certificate);
  });

  it('of another network is refused, whichever of the two is forged', async () => {
    const [ours, theirs] = [await makeNetwork(), await makeNetwork()];
    const foreign = await makeCertificate(theirs);
    expect(() => openCertificate(foreign.envelope, ours.networkId, space)).toThrow(/another network signed/);
    const claiming = await makeCertificate(theirs, { networkId: ours.networkId });
    expect(() => openCertificate(claiming.envelope, ours.networkId, space)).toThrow(/another network signed/);
    const naming = await makeCertificate(ours, { networkId: theirs.networkId });
    expect(() => openCertificate(naming.envelope, ours.networkId, space)).toThrow(/of another network/);
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
      const envelope = signCertificate(network.key, { ...certificate, ...fields } as Certificate);
      expect(() => openCertificate(envelope, network.networkId, space)).toThrow(BadMessageError);
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
    expect(openMemberList(signMemberList(key, list), networkId, space)).toEqual(list);
  });

  it('is refused from another network, without an epoch, or with two members at one place', async () => {
    const { key, networkId } = await makeNetwork();
    const members = [await member(1)];
    const other = await generateKeyPair('Ed25519');
    const foreign = signMemberList(other, { networkId, epoch: 3, members });
    expect(() => openMemberList(foreign, networkId, space)).toThrow(/another network signed/);
    const early = signMemberList(key, { networkId, epoch: 0, members });
    expect(() => openMemberList(early, networkId, space)).toThrow(/epoch/);
    const twice = signMemberList(key, { networkId, epoch: 3, members: [await member(1), await member(1)] });
    expect(() => openMemberList(twice, networkId, space)).toThrow(/one node id/);
  });
});
