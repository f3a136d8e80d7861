/** Contacts and records with given ids, for tests of single parts. */

import type { Contact } from '../../src/id/contact.ts';
import type { NodeId } from '../../src/id/id-space.ts';
import { KnownNode } from '../../src/overlay/known-node.ts';

export function contactOf(id: number, addr = `/sim/${String(id)}`): Contact {
  const certificate = new Uint8Array(0);
  return { nodeId: id as NodeId, peerId: `peer-${String(id)}`, serial: 1, addrs: [addr], certificate };
}

export function liveNode(id: number): KnownNode {
  const node = new KnownNode(contactOf(id));
  node.state = 'live';
  return node;
}
