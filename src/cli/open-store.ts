/**
 * The connection behind the commands that work on files: opened when the first file needs it, closed with a deadline,
 * for a peer that does not answer must not hold up a command that is done. Where no discovery peer is named, a peer of
 * this machine is asked for the way.
 */

import { resolve } from 'node:path';
import { fromHex } from '../base/bytes.ts';
import { BadMessageError, UnreachableError } from '../base/errors.ts';
import { connect, type ConnectOptions } from '../client/connect.ts';
import type { NetworkAccess } from '../peer/control-protocol.ts';
import { consoleLog } from './console-log.ts';
import { askNetwork } from './control-client.ts';
import type { ClientOptions } from './options.ts';
import { ConnectFailure } from './transfers.ts';

type FileStore = Awaited<ReturnType<typeof connect>>;

export type LazyStore = { get(): Promise<FileStore>; close(): Promise<void> };

export function lazyStore(options: ClientOptions, signal: AbortSignal): LazyStore {
  let opening: Promise<FileStore> | undefined;
  const open = async (): Promise<FileStore> => {
    try {
      return await connect({
        ...(options.discovery === undefined
          ? await networkOfLocalPeer(options.storage, signal)
          : { discovery: options.discovery }),
        ...(options.configDir === undefined ? {} : { configDir: options.configDir }),
        ...(options.identity === undefined ? {} : { identity: options.identity }),
        log: consoleLog(options.logLevel),
        signal,
      });
    } catch (error) {
      throw new ConnectFailure('no connection', { cause: error });
    }
  };
  return {
    get: () => (opening ??= open()),
    async close() {
      const store = await opening?.catch((error: unknown) => {
        if (!(error instanceof ConnectFailure)) throw error;
      });
      await store?.close();
    },
  };
}

/** What a peer of this machine knows, where there is one. */
async function networkOfLocalPeer(
  storage: string,
  signal: AbortSignal,
): Promise<Pick<ConnectOptions, 'discovery' | 'network'>> {
  let access: NetworkAccess;
  try {
    access = await askNetwork(resolve(storage), { signal });
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    throw new UnreachableError(
      `no discovery peer is known, and ${error.message}: give --discovery MULTIADDR, or set P2P_DISCOVERY`,
      error,
    );
  }
  const [parameters, contact] = [fromHex(access.parameters), fromHex(access.contact)];
  if (parameters === undefined || contact === undefined) throw new BadMessageError('the peer names no network');
  return { discovery: access.discovery, network: { parameters, peers: [contact] } };
}
