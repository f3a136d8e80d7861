/**
 * What the network key says of one PeerId: its role, and for a peer its place on the ring. Of two certificates for
 * one node id the higher serial wins. The incarnation counts the lives of a peer's directory: one that was lost or
 * restored from an old copy begins a new one.
 */

import type { NodeId } from '../id/id-space.ts';

export type CertifiedRole = 'peer' | 'discovery';

export type Certificate = {
  readonly networkId: Uint8Array;
  readonly role: CertifiedRole;
  readonly peerId: string;
  /** 0 for the discovery peer, which is on no ring. */
  readonly nodeId: NodeId;
  readonly incarnation: number;
  readonly serial: number;
};
