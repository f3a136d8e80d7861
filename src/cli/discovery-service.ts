/** `p2p-discovery start`: what the command does once its arguments are parsed. */

import { resolve } from 'node:path';
import { startDiscovery } from '../discovery/start-discovery.ts';
import { consoleLog } from './console-log.ts';
import type { CommonOptions } from './options.ts';
import { createOutput } from './output.ts';
import { serve } from './serve.ts';

export type DiscoveryStartOptions = CommonOptions & {
  listen?: string[];
  dir: string;
  network?: string;
  replicas?: number;
  /** Milliseconds: the option's parser has converted it. */
  repairDelay?: number;
  allowChosenIds?: true;
  private?: true;
};

export async function serveDiscovery(options: DiscoveryStartOptions): Promise<number> {
  const output = createOutput('p2p-discovery', options);
  const storage = resolve(options.dir);
  return serve(output, async (signal) => {
    const discovery = await startDiscovery({
      listen: options.listen ?? [],
      storage,
      network: options.network,
      replicas: options.replicas,
      repairDelayMs: options.repairDelay,
      allowChosenIds: options.allowChosenIds === true,
      private: options.private === true,
      log: consoleLog(options.logLevel),
      signal,
    });
    const { peerId, addrs } = discovery.ready;
    const joining = addrs.map((addr) => `  p2p-peer start --discovery ${addr}`).join('\n');
    output.result(
      { event: 'ready', peerId, addrs, storage },
      `ready: discovery peer, network kept in ${storage}\nStart peers with one of:\n${joining}`,
    );
    return discovery;
  });
}
