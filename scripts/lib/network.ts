/** The network that a script works with: real processes, as in the end-to-end tests, which say only what goes wrong. */

import { Network } from '../../test/e2e/harness/network.ts';

const QUIET = ['--log-level', 'warn'];

/** Peers that are gone are given up at once, so that nothing that is measured waits for them. */
const REPLICATED = ['--repair-delay', '0'];

/**
 * Starts the discovery peer, and so many peers.
 *
 * @param dir of the script, which removes it
 * @param replicas copies of each file
 */
export function startNetwork(dir: string, peers: number, replicas = 1): Promise<Network> {
  const discoveryArgs = replicas > 1 ? [...QUIET, ...REPLICATED] : QUIET;
  return Network.start({ dir, peers, replicas, discoveryArgs, peerArgs: QUIET });
}
