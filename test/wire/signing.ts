/** Keys, certificates and contacts of a made-up network, for the tests of what is signed. */

import { generateKeyPair } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import type { Contact } from '../../src/id/contact.ts';
import { IdSpace } from '../../src/id/id-space.ts';
import type { Certificate } from '../../src/membership/certificate.ts';
import { DEFAULT_PARAMETERS } from '../../src/membership/network-parameters.ts';
import { ContactReader } from '../../src/wire/contact.ts';
import { networkIdOf, signCertificate, signParameters } from '../../src/wire/membership.ts';

export const space = new IdSpace(16);

export type TestNetwork = {
  readonly key: PrivateKey;
  readonly networkId: Uint8Array;
  readonly parameters: Uint8Array;
  readonly reader: ContactReader;
};

export async function makeNetwork(): Promise<TestNetwork> {
  const key = await generateKeyPair('Ed25519');
  const networkId = networkIdOf(key.publicKey);
  const parameters = signParameters(key, DEFAULT_PARAMETERS);
  return { key, networkId, parameters, reader: new ContactReader(networkId, space) };
}

export async function makePeerId(): Promise<string> {
  return peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString();
}

export async function makeCertificate(
  network: TestNetwork,
  fields: Partial<Certificate> = {},
): Promise<{ certificate: Certificate; envelope: Uint8Array }> {
  const certificate: Certificate = {
    networkId: network.networkId,
    role: 'peer',
    peerId: await makePeerId(),
    nodeId: space.position(0xa1b2),
    incarnation: 1,
    serial: 7,
    ...fields,
  };
  return { certificate, envelope: signCertificate(network.key, certificate) };
}

export async function makeContact(network: TestNetwork, addrs = ['/ip4/127.0.0.1/tcp/4001']): Promise<Contact> {
  const { certificate, envelope } = await makeCertificate(network);
  const { nodeId, peerId, serial } = certificate;
  return { nodeId, peerId, serial, addrs, certificate: envelope };
}

/** The bytes with one bit changed. */
export function flipped(bytes: Uint8Array, index: number, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[index] = (copy[index] ?? 0) ^ (1 << bit);
  return copy;
}
