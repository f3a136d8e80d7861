/**
 * The discovery peer: a libp2p host in front of the registry. It admits peers, knows who is present, and introduces them
 * to each other and to clients. It holds no file and routes nothing; peers that are there do without it.
 */

import { randomBytes } from 'node:crypto';
import type { Log } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import type { NetworkParameters } from '../membership/network-parameters.ts';
import { Host } from '../net/host.ts';
import { interruption } from '../net/wait.ts';
import { ContactReader } from '../wire/contact.ts';
import { DISCOVERY_PROTOCOL } from '../wire/discovery.ts';
import { ADDRS_PER_CONTACT_MAX } from '../wire/limits.ts';
import { formatNetworkId } from '../wire/membership.ts';
import { Admission } from './admission.ts';
import { openDiscoveryDirectory } from './discovery-directory.ts';
import { Presence } from './presence.ts';
import { checkTiming, DEFAULT_PRESENCE_TIMING, type PresenceTiming } from './presence-timing.ts';
import { RequestRate } from './request-rate.ts';
import { RequestServer } from './serve-requests.ts';
import { serverHelloPolicy } from './server-hello-policy.ts';

export type DiscoveryOptions = {
  /** Where its keys and registry lie; made if need be. */
  readonly dir: string;
  /** Multiaddrs. */
  readonly listen: readonly string[];
  /** Of the network that is founded by the first start; later they may only be repeated. */
  readonly parameters?: Partial<NetworkParameters>;
  /** Whether a new peer may have the node id that it wishes. */
  readonly allowChosenIds?: boolean;
  readonly timing?: Partial<PresenceTiming>;
  readonly log: Log;
  /** Aborts the start. */
  readonly signal?: AbortSignal;
};

export type RunningDiscovery = {
  readonly peerId: string;
  /** Dialable, each with its /p2p part. */
  readonly addrs: readonly string[];
  readonly networkId: Uint8Array;
  readonly parameters: NetworkParameters;
  stop(): Promise<void>;
};

/**
 * Starts it; once it resolves, it answers.
 *
 * @throws UsageError when parameters differ from the network's, StorageLockedError, StorageUnusableError,
 *   UnreachableError when it cannot listen there, InterruptedError
 */
export async function startDiscovery(options: DiscoveryOptions): Promise<RunningDiscovery> {
  const { log, signal } = options;
  const timing = { ...DEFAULT_PRESENCE_TIMING, ...options.timing };
  checkTiming(timing);
  const random = seededRandom(randomBytes(4).readUInt32BE());
  const founded = await openDiscoveryDirectory(options.dir, options.parameters ?? {});
  const { networkId, parameters, parametersEnvelope, certificate, file, loaded, networkKey, space } = founded;
  const reader = new ContactReader(networkId, space);
  const chosenIdsAllowed = options.allowChosenIds ?? false;
  const admission = new Admission({ networkKey, reader, loaded, file, chosenIdsAllowed, log });
  const presence = new Presence(random);
  const rate = new RequestRate(() => performance.now());
  const server = new RequestServer({ reader, parametersEnvelope, admission, presence, rate, timing, random, log });

  let host: Host | undefined;
  const addrs = () => host?.addrs().slice(0, ADDRS_PER_CONTACT_MAX) ?? [];
  const policy = serverHelloPolicy({ reader, admission, certificate, parametersEnvelope, addrs });
  const stop = async () => {
    await host?.stop();
    await admission.settled();
    await file.close();
  };
  try {
    host = await Host.start({ privateKey: founded.peerKey, listen: options.listen, policy, log });
    host.onDisconnect((peerId) => {
      server.forget(peerId);
    });
    await host.handle(DISCOVERY_PROTOCOL, (stream, remote, over) => server.serve(stream, remote, over));
    if (signal?.aborted === true) throw interruption(signal);
  } catch (error) {
    await stop();
    throw error;
  }
  const { peerId } = host;
  log.info('discovery peer ready', { peerId, network: formatNetworkId(networkId), members: admission.memberCount });
  let stopped: Promise<void> | undefined;
  return {
    peerId,
    addrs: host.addrs().map((addr) => `${addr}/p2p/${peerId}`),
    networkId,
    parameters,
    stop: () => (stopped ??= stop()),
  };
}
