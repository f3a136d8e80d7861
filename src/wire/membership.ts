/**
 * Parameters, certificates and member lists as signed bytes. The network's id is the SHA-256 of its public key, so
 * whoever knows the id can check all three without asking anybody.
 */

import type { PrivateKey, PublicKey } from '@libp2p/interface';
import { publicKeyToProtobuf } from '@libp2p/crypto/keys';
import { sha256 } from '@noble/hashes/sha2.js';
import { equalBytes, toHex } from '../base/bytes.ts';
import type { IdSpace } from '../id/id-space.ts';
import type { Certificate } from '../membership/certificate.ts';
import type { Member, MemberList } from '../membership/member-list.ts';
import { checkParameters, type NetworkParameters } from '../membership/network-parameters.ts';
import { check, decodeWith } from './decode.ts';
import { openEnvelope, sealEnvelope } from './envelope.ts';
import { WireCertificate, WireMemberList, WireParameters } from './generated/membership.ts';
import { ENVELOPE_BYTES_MAX, MEMBER_LIST_BYTES_MAX } from './limits.ts';

export const PEER_ID_CHARACTERS_MAX = 64;

/** A network's id as people see it: its first 16 hex digits, enough to tell any two apart. */
export function formatNetworkId(networkId: Uint8Array): string {
  return toHex(networkId.subarray(0, 8));
}

export function networkIdOf(key: PublicKey): Uint8Array {
  return sha256(publicKeyToProtobuf(key));
}

export function signParameters(networkKey: PrivateKey, parameters: NetworkParameters): Uint8Array {
  checkParameters(parameters);
  return sealEnvelope(networkKey, 'parameters', WireParameters.encode(parameters));
}

/**
 * The parameters, and the id of the network whose key signed them: on first contact this is where the id is learned.
 *
 * @throws BadMessageError
 */
export function openParameters(bytes: Uint8Array): { networkId: Uint8Array; parameters: NetworkParameters } {
  const { payload, publicKey } = openEnvelope('parameters', bytes);
  const wire = decodeWith(WireParameters, payload, ENVELOPE_BYTES_MAX, 'network parameters');
  check(wire.idBits === 16 || wire.idBits === 32, 'network parameters whose id width is out of range');
  check(wire.geometry === 'pastry', `network parameters of the unknown geometry "${wire.geometry.slice(0, 40)}"`);
  const parameters: NetworkParameters = { ...wire, idBits: wire.idBits, geometry: wire.geometry };
  checkParameters(parameters);
  return { networkId: sha256(publicKey), parameters };
}

export function signCertificate(networkKey: PrivateKey, certificate: Certificate): Uint8Array {
  return sealEnvelope(networkKey, 'certificate', WireCertificate.encode(certificate));
}

/**
 * @param networkId the network that it must be of
 * @throws BadMessageError when it is not signed by that network's key, or a field is out of range
 */
export function openCertificate(bytes: Uint8Array, networkId: Uint8Array, idSpace: IdSpace): Certificate {
  const opened = openEnvelope('certificate', bytes);
  check(equalBytes(sha256(opened.publicKey), networkId), 'a certificate that another network signed');
  const wire = decodeWith(WireCertificate, opened.payload, ENVELOPE_BYTES_MAX, 'certificate');
  check(equalBytes(wire.networkId, networkId), 'a certificate of another network');
  const { role, peerId, nodeId, incarnation, serial } = wire;
  check(role === 'peer' || role === 'discovery', `a certificate of the unknown role "${role.slice(0, 40)}"`);
  check(peerId.length > 0 && peerId.length <= PEER_ID_CHARACTERS_MAX, "a certificate's PeerId is out of range");
  check(idSpace.contains(nodeId), "a certificate's node id is out of range");
  check(Number.isSafeInteger(serial), "a certificate's serial is out of range");
  return { networkId, role, peerId, nodeId, incarnation, serial };
}

export function signMemberList(networkKey: PrivateKey, list: MemberList): Uint8Array {
  return sealEnvelope(networkKey, 'member-list', WireMemberList.encode({ ...list, members: [...list.members] }));
}

/** @throws BadMessageError */
export function openMemberList(bytes: Uint8Array, networkId: Uint8Array, idSpace: IdSpace): MemberList {
  const opened = openEnvelope('member-list', bytes, MEMBER_LIST_BYTES_MAX);
  check(equalBytes(sha256(opened.publicKey), networkId), 'a member list that another network signed');
  const wire = decodeWith(WireMemberList, opened.payload, MEMBER_LIST_BYTES_MAX, 'member list');
  check(equalBytes(wire.networkId, networkId), 'a member list of another network');
  check(Number.isSafeInteger(wire.epoch) && wire.epoch >= 1, "a member list's epoch is out of range");
  const members = wire.members.map(({ nodeId, peerId, incarnation, status }): Member => {
    check(idSpace.contains(nodeId), "a member's node id is out of range");
    check(peerId.length > 0 && peerId.length <= PEER_ID_CHARACTERS_MAX, "a member's PeerId is out of range");
    check(status === 'member' || status === 'left', `a member of the unknown status "${status.slice(0, 40)}"`);
    return { nodeId, peerId, incarnation, status };
  });
  const held = members.filter(({ status }) => status === 'member').map(({ nodeId }) => nodeId);
  check(new Set(held).size === held.length, 'a member list in which two members have one node id');
  return { networkId, epoch: wire.epoch, members };
}
