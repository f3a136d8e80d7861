/** `p2p-peer start`: what the command does once its arguments are parsed. */

import { resolve } from 'node:path';
import { startPeer } from '../peer/peer.ts';
import { consoleLog } from './console-log.ts';
import type { CommonOptions } from './options.ts';
import { createOutput } from './output.ts';
import { checkDirectory, serve } from './serve.ts';

export type PeerStartOptions = CommonOptions & {
  discovery?: string[];
  listen?: string[];
  storage: string;
  id?: string;
  /** Bytes, like the two below. */
  capacity?: number;
  keepFree?: number;
  /** A second. */
  scrubRate?: number;
};

/** Everywhere; the port is the one of the last run, or any that is free. */
const DEFAULT_LISTEN = ['/ip4/0.0.0.0/tcp/0'];

export async function servePeer(options: PeerStartOptions): Promise<number> {
  const output = createOutput('p2p-peer', options);
  return serve(output, async (signal) => {
    const directory = resolve(options.storage);
    await checkDirectory(directory);
    const peer = await startPeer({
      discovery: options.discovery ?? [],
      listen: options.listen ?? DEFAULT_LISTEN,
      storage: directory,
      nodeId: options.id,
      capacityBytes: options.capacity,
      keepFreeBytes: options.keepFree,
      scrubBytesPerSecond: options.scrubRate,
      log: consoleLog(options.logLevel),
      signal,
    });
    const { nodeId, peerId, addrs, storage } = peer;
    output.result(
      { event: 'ready', nodeId, peerId, addrs, storage },
      `ready: peer ${nodeId}, files in ${storage}\n${addrs.map((addr) => `  ${addr}`).join('\n')}`,
    );
    return peer;
  });
}
