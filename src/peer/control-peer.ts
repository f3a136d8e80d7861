/** What a running peer tells the commands beside it about itself and its network. */

import { statfs } from 'node:fs/promises';
import { toHex } from '../base/bytes.ts';
import type { Log } from '../base/log.ts';
import { VERSION } from '../base/version.ts';
import type { KnownNetwork } from '../discovery/hello-policy.ts';
import { encodeContact } from '../wire/contact.ts';
import { formatNetworkId } from '../wire/membership.ts';
import type { NetworkAccess, PeerControl, PeerStatus } from './control-protocol.ts';
import { ControlServer } from './control-server.ts';
import { verifyFiles } from './control-verify.ts';
import type { Departure } from './departure.ts';
import type { FileContext } from './file-context.ts';

export type ControlledPeer = {
  /** Dialable, each with its /p2p part. */
  readonly addrs: () => readonly string[];
  readonly network: KnownNetwork;
  readonly discovery: readonly string[];
  readonly context: FileContext;
  readonly departure: Departure;
};

/** Opens the control socket of a peer. @returns what closes it */
export async function serveControl(peer: ControlledPeer, log: Log): Promise<() => Promise<void>> {
  const startedAtMs = Date.now();
  const { storage } = peer.context;
  const control: PeerControl = {
    status: () => statusOf(peer, startedAtMs),
    network: () => accessOf(peer),
    leave: (onProgress, signal) => peer.departure.leave(onProgress, signal),
    verify: (name, onProgress, signal) => verifyFiles(peer.context, name, onProgress, signal),
  };
  const server = await ControlServer.start({ storage: storage.path, control, log });
  return () => server.close();
}

async function statusOf({ addrs, network, context }: ControlledPeer, startedAtMs: number): Promise<PeerStatus> {
  const { ring, storage, placement, repair, idSpace } = context;
  const { name, replicas, repairDelayMs } = network.parameters;
  const { files, tombstones, bytes } = storage.totals;
  const { bavail, bsize } = await statfs(storage.path);
  const { underWay, waiting, comparing, lastAtMs } = repair.status;
  const absent = placement.allAbsent().map(({ nodeId }) => idSpace.format(nodeId));
  return {
    nodeId: idSpace.format(ring.self.nodeId),
    peerId: ring.self.peerId,
    addrs: addrs(),
    storage: storage.path,
    network: { id: formatNetworkId(network.networkId), name, replicas, repairDelayMs },
    peersKnown: ring.knownContacts().length,
    leafSet: ring.leafSet().map(({ nodeId }) => idSpace.format(nodeId)),
    files,
    tombstones,
    bytes,
    space: { usedBytes: bytes, freeBytes: bavail * bsize },
    repair: { underWay: underWay + comparing, waiting, ...(lastAtMs === undefined ? {} : { lastAtMs }), absent },
    startedAtMs,
    version: VERSION,
  };
}

function accessOf(peer: ControlledPeer): NetworkAccess {
  return {
    discovery: peer.discovery,
    addrs: peer.addrs(),
    parameters: toHex(peer.network.parametersEnvelope),
    contact: toHex(encodeContact(peer.context.ring.self)),
  };
}
