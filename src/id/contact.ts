/**
 * How one peer knows another: where it stands on the ring, who it is, where it can be dialled, and the signed
 * certificate that ties the first two together. The certificate is kept as the very bytes that were signed; a
 * contact is made only from a certificate that was checked (src/wire/contact.ts), so pure code may rely on it.
 */

import type { NodeId } from './id-space.ts';

export type Contact = {
  readonly nodeId: NodeId;
  /** libp2p's identifier, in its text form. */
  readonly peerId: string;
  /** Of the certificate. Of two that hold one node id, the one with the higher serial got it later, and has it. */
  readonly serial: number;
  /** Multiaddrs without the trailing /p2p part. */
  readonly addrs: readonly string[];
  /** The signed envelope, as it was received. */
  readonly certificate: Uint8Array;
};
