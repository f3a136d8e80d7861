/** `p2p-discovery start`: what the command does once its arguments are parsed. */

import { resolve } from 'node:path';
import { BadMessageError, UsageError } from '../base/errors.ts';
import { startDiscovery } from '../discovery/discovery-server.ts';
import { checkParameters, DEFAULT_PARAMETERS, type NetworkParameters } from '../membership/network-parameters.ts';
import { consoleLog } from './console-log.ts';
import type { CommonOptions } from './options.ts';
import { createOutput } from './output.ts';
import { checkDirectory, serve } from './serve.ts';

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

/** Everywhere, on a port that stays the same, for peers and clients keep the address. */
const DEFAULT_LISTEN = ['/ip4/0.0.0.0/tcp/4100'];

/**
 * The network's parameters as far as they were given.
 *
 * @throws UsageError
 */
export function wantedParameters(options: DiscoveryStartOptions): Partial<NetworkParameters> {
  if (options.private === true) throw new UsageError('private networks are not available in this version');
  const wanted = {
    ...(options.network === undefined ? {} : { name: options.network }),
    ...(options.replicas === undefined ? {} : { replicas: options.replicas }),
    ...(options.repairDelay === undefined ? {} : { repairDelayMs: options.repairDelay }),
  };
  try {
    checkParameters({ ...DEFAULT_PARAMETERS, ...wanted });
  } catch (error) {
    if (error instanceof BadMessageError) throw new UsageError(error.message, error);
    throw error;
  }
  return wanted;
}

export async function serveDiscovery(options: DiscoveryStartOptions): Promise<number> {
  const output = createOutput('p2p-discovery', options);
  const storage = resolve(options.dir);
  return serve(output, async (signal) => {
    // What is wrong with the options is said before anything is made.
    const parameters = wantedParameters(options);
    await checkDirectory(storage);
    const discovery = await startDiscovery({
      dir: storage,
      listen: options.listen ?? DEFAULT_LISTEN,
      parameters,
      allowChosenIds: options.allowChosenIds === true,
      log: consoleLog(options.logLevel),
      signal,
    });
    const { peerId, addrs } = discovery;
    const joining = addrs.map((addr) => `  p2p-peer start --discovery ${addr}`).join('\n');
    output.result(
      { event: 'ready', peerId, addrs, storage },
      `ready: discovery peer, network kept in ${storage}\nStart peers with one of:\n${joining}`,
    );
    return discovery;
  });
}
