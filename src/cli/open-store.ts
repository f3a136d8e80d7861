/**
 * The connection behind store-file and fetch-file: opened when the first file needs it, closed with a deadline, for
 * a peer that does not answer must not hold up a command that is done.
 */

import { UnreachableError } from '../base/errors.ts';
import { connect } from '../client/connect.ts';
import { consoleLog } from './console-log.ts';
import type { ClientOptions } from './options.ts';
import { ConnectFailure } from './transfers.ts';

type FileStore = Awaited<ReturnType<typeof connect>>;

export type LazyStore = { get(): Promise<FileStore>; close(): Promise<void> };

export function lazyStore(options: ClientOptions, signal: AbortSignal): LazyStore {
  let opening: Promise<FileStore> | undefined;
  const open = async (): Promise<FileStore> => {
    try {
      if (options.discovery === undefined) {
        throw new UnreachableError('no discovery peer is known: give --discovery MULTIADDR, or set P2P_DISCOVERY');
      }
      return await connect({
        discovery: options.discovery,
        ...(options.configDir === undefined ? {} : { configDir: options.configDir }),
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
