/** The network that a script works with: real processes, as in the end-to-end tests, which say only what goes wrong. */

import { Network } from '../../test/e2e/harness/network.ts';

const QUIET = ['--log-level', 'warn'];

/** Starts the discovery peer, and so many peers. @param dir of the script, which removes it */
export function startNetwork(dir: string, peers: number, replicas = 1): Promise<Network> {
  return Network.start({ dir, peers, replicas, discoveryArgs: QUIET, peerArgs: QUIET });
}
