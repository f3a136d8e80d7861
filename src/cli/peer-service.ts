/** `p2p-peer start`: what the command does once its arguments are parsed. */

import { resolve } from 'node:path';
import { UnreachableError } from '../base/errors.ts';
import { startPeer } from '../peer/start-peer.ts';
import { consoleLog } from './console-log.ts';
import type { CommonOptions } from './options.ts';
import { createOutput } from './output.ts';
import { serve } from './serve.ts';

export type PeerStartOptions = CommonOptions & {
  discovery?: string[];
  listen?: string[];
  storage: string;
  id?: string;
};

export async function servePeer(options: PeerStartOptions): Promise<number> {
  const output = createOutput('p2p-peer', options);
  const storage = resolve(options.storage);
  return serve(output, async (signal) => {
    if (options.discovery === undefined) {
      throw new UnreachableError('no discovery peer is known: give --discovery MULTIADDR or set P2P_DISCOVERY');
    }
    const peer = await startPeer({
      discovery: options.discovery,
      listen: options.listen ?? [],
      storage,
      ...(options.id === undefined ? {} : { chosenId: options.id }),
      log: consoleLog(options.logLevel),
      signal,
    });
    const { nodeId, peerId, addrs } = peer.ready;
    output.result(
      { event: 'ready', nodeId, peerId, addrs, storage },
      `ready: peer ${nodeId}, files in ${storage}\n${addrs.map((addr) => `  ${addr}`).join('\n')}`,
    );
    return peer;
  });
}
