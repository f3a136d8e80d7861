/** Whom to talk to, as the layers above say it, made into what libp2p dials. */

import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { messageOf, UnreachableError, UsageError } from '../base/errors.ts';

/** Without `peerId`: whoever the addresses name in a /p2p part, or else whoever answers there. */
export type DialTarget = { readonly peerId?: string | undefined; readonly addrs: readonly string[] };

export class Destination {
  readonly peerId: string | undefined;
  /** Without PeerId. */
  readonly addrs: readonly string[];

  /** @throws UnreachableError if an address or the PeerId is not one */
  constructor(target: DialTarget) {
    try {
      if (target.peerId !== undefined) peerIdFromString(target.peerId);
      const addrs = target.addrs.map((addr) => multiaddr(addr).toString());
      this.addrs = addrs.map(withoutPeerId);
      this.peerId = target.peerId ?? addrs[0]?.match(/\/p2p\/([^/]+)$/)?.[1];
    } catch (error) {
      throw new UnreachableError(`not a usable address: ${messageOf(error)}`, error);
    }
  }

  /** What to dial: libp2p checks the PeerId where there is one. */
  get multiaddrs(): Multiaddr[] {
    const suffix = this.peerId === undefined ? '' : `/p2p/${this.peerId}`;
    return this.addrs.map((addr) => multiaddr(`${addr}${suffix}`));
  }

  toString(): string {
    return this.peerId ?? this.addrs.join(', ');
  }
}

export function withoutPeerId(addr: string): string {
  return addr.replace(/\/p2p\/[^/]+$/, '');
}

/** @throws UsageError if one of them is no multiaddr */
export function checkListenAddrs(addrs: readonly string[]): void {
  for (const addr of addrs) {
    try {
      multiaddr(addr);
    } catch (error) {
      throw new UsageError(`"${addr}" is no address to listen at; one looks like /ip4/0.0.0.0/tcp/4001`, error);
    }
  }
}
