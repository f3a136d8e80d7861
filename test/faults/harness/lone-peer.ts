/**
 * A network with one peer, on a disk that a test has made: what happens to the disk happens to the only copy. All the
 * peer's calls to the file system come from one thread, so that they can be counted.
 */

import { readFile, rm } from 'node:fs/promises';
import { expect } from 'vitest';
import { Network, Peer } from '../../e2e/harness/network.ts';

export type LonePeer = { readonly network: Network; readonly peer: Peer };

export type LonePeerOptions = {
  /** Where the peer keeps its files; below the network's own directory if not said. */
  readonly storage?: string;
  readonly peerArgs?: readonly string[];
  /** For the peer. */
  readonly env?: Readonly<Record<string, string>>;
};

export async function startLonePeer(title: string, options: LonePeerOptions = {}): Promise<LonePeer> {
  const network = await Network.start({ title });
  try {
    const storage = options.storage ?? network.file('peer');
    const env = { P2P_CONFIG_DIR: network.configDir, UV_THREADPOOL_SIZE: '1', ...options.env };
    const peer = new Peer(1, storage, ['--discovery', network.address, ...(options.peerArgs ?? [])], env);
    network.peers.push(peer);
    await peer.start();
    return { network, peer };
  } catch (error) {
    await network.close();
    throw error;
  }
}

/** The content of a name, as the command fetches it, which must succeed. */
export async function fetched(network: Network, name: string): Promise<Buffer> {
  const out = network.file('fetched');
  const { status, stderr } = await network.run('fetch-file', [name, '--out', out, '--overwrite']);
  expect(status, `fetching ${name}: ${stderr}`).toBe(0);
  const content = await readFile(out);
  await rm(out);
  return content;
}
