/**
 * Who belongs to the network, at one epoch. Signed by the network key, written durably before it is sent, never
 * issued twice with one epoch. `left` members are kept, so that their certificates are known to be void.
 */

import type { NodeId } from '../id/id-space.ts';
import type { Certificate } from './certificate.ts';

export type MemberStatus = 'member' | 'left';

export type Member = {
  readonly nodeId: NodeId;
  readonly peerId: string;
  readonly incarnation: number;
  readonly status: MemberStatus;
};

export type MemberList = {
  readonly networkId: Uint8Array;
  readonly epoch: number;
  readonly members: readonly Member[];
};

/** Whether what a list says of a member makes a certificate of the same PeerId void: it left, or began another life. */
export function memberVoids(member: Member, certificate: Certificate): boolean {
  if (certificate.incarnation > member.incarnation) return false;
  return member.status === 'left' || certificate.incarnation < member.incarnation;
}
