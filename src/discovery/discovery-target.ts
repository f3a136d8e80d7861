/** An address of a discovery peer as people give it: a multiaddr, with or without the PeerId at its end. */

import { multiaddr } from '@multiformats/multiaddr';
import { UsageError } from '../base/errors.ts';
import type { DialTarget } from '../net/dial-target.ts';

export type DiscoveryTarget = DialTarget & {
  /** As it was given. */
  readonly text: string;
};

/** @throws UsageError when it is none, or there are none */
export function parseDiscoveryAddrs(texts: readonly string[]): DiscoveryTarget[] {
  if (texts.length === 0) {
    throw new UsageError('no discovery address is known; give one with --discovery or in P2P_DISCOVERY');
  }
  return texts.map((text) => {
    try {
      const components = multiaddr(text).getComponents();
      if (components.length === 0) throw new RangeError('it is empty');
      const last = components.at(-1);
      if (last?.name !== 'p2p') return { text, addrs: [text] };
      if (components.length < 2) throw new RangeError('a PeerId alone says not where it is');
      return { text, addrs: [text], peerId: last.value };
    } catch (error) {
      throw new UsageError(
        `"${text}" is no discovery address; one looks like /ip4/192.0.2.7/tcp/4100/p2p/12D3KooW…, whole, as p2p-discovery prints it`,
        error,
      );
    }
  });
}
