/**
 * One running peer: opens its storage directory, becomes a member, joins the ring, and serves until it is stopped.
 * Everything that it is made of is put together here and nowhere else.
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { PrivateKey } from '@libp2p/interface';
import { defined } from '../base/assert.ts';
import { StoreError, UnreachableError, UsageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import type { Contact } from '../id/contact.ts';
import { IdSpace, type NodeId } from '../id/id-space.ts';
import { DiscoveryClient } from '../discovery/discovery-client.ts';
import { NetworkPolicy } from '../discovery/hello-policy.ts';
import { Host } from '../net/host.ts';
import { StreamPool } from '../net/stream-pool.ts';
import { within } from '../net/wait.ts';
import { loadOrMakeKey } from '../store/key-file.ts';
import { StorageDirectory } from '../store/storage-directory.ts';
import { FILE_PROTOCOL } from '../wire/file.ts';
import { LOOKUP_PROTOCOL } from '../wire/lookup.ts';
import { operationSlots } from './file-context.ts';
import { serveFiles } from './file-server.ts';
import { LeafSetInquiry } from './leaf-set-inquiry.ts';
import { serveLookups } from './lookup-server.ts';
import { OverlayDriver } from './overlay-driver.ts';
import { PeerMemory } from './peer-memory.ts';

export type PeerOptions = {
  /** The storage directory; made if need be. */
  readonly storage: string;
  /** Multiaddrs of discovery peers. None will do for a peer that has been a member before. */
  readonly discovery: readonly string[];
  /** Multiaddrs; with port 0 the port of the last run, or any free one. */
  readonly listen: readonly string[];
  /** The node id to ask for, in hex, where the network lets peers choose. */
  readonly nodeId?: string | undefined;
  readonly log: Log;
  /** Calls the start off. */
  readonly signal?: AbortSignal | undefined;
};

export type RunningPeer = {
  /** Hex. */
  readonly nodeId: string;
  readonly peerId: string;
  /** Dialable, each with its /p2p part. */
  readonly addrs: readonly string[];
  readonly storage: string;
  /** Says goodbye and ends everything. The peer keeps its id and its files. */
  stop(): Promise<void>;
};

/** A discovery peer on a LAN answers at once; a slow one within this. */
const REGISTER_TIMEOUT_MS = 10_000;
/** Joining takes seconds when everybody starts at once; more than this means that something is wrong. */
const JOIN_TIMEOUT_MS = 60_000;
const GOODBYE_TIMEOUT_MS = 500;
const INQUIRY_STREAMS = { idleTimeoutMs: 30_000, perPeerMax: 4 };

/** Ends what was begun, last first. */
class Teardown {
  readonly #steps: (() => Promise<void> | void)[] = [];

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) await step();
  }
}

/**
 * Resolves when the peer has joined the ring and serves.
 *
 * @throws StorageLockedError, StorageUnusableError, UsageError, UnreachableError when it is no member yet and no discovery peer answers,
 *   NotPermittedError when the wanted id is not to be had, NetworkChangedError, InterruptedError
 */
export async function startPeer(options: PeerOptions): Promise<RunningPeer> {
  const teardown = new Teardown();
  try {
    return await start(options, teardown);
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

async function start(options: PeerOptions, teardown: Teardown): Promise<RunningPeer> {
  const { log, signal } = options;
  const storage = await StorageDirectory.open(options.storage, { log });
  teardown.add(() => storage.close());
  const memory = new PeerMemory(storage.settings, log);
  const key = await loadOrMakeKey(join(storage.path, 'peer.key'));
  const network = await memory.network();
  const certificate = await memory.certificate();
  // The policy speaks of the host that is started with it.
  const started: { host?: Host } = {};
  const policy = new NetworkPolicy({ role: 'peer', network, certificate, addrs: () => started.host?.addrs() ?? [] });
  const host = await listen(options, memory, key, policy);
  started.host = host;
  teardown.add(() => host.stop());

  const membership = await becomeMember(
    options,
    host,
    policy,
    memory,
    network !== undefined && certificate !== undefined,
  );
  const { reader } = policy;
  const { parameters } = defined(policy.network, 'a member knows its network');
  const self = reader.contactOf(policy.certificate, host.addrs());
  const driver: OverlayDriver = new OverlayDriver({
    host,
    self,
    parameters,
    reader,
    log,
    onNeighboursChanged: () => memory.keepContactsSoon(() => driver.knownContacts()),
  });
  teardown.add(() => memory.keepContacts(driver.knownContacts()));
  teardown.add(() => driver.stop());

  const pool = new StreamPool(host, FILE_PROTOCOL, INQUIRY_STREAMS);
  teardown.add(() => pool.close());
  const inquiry = new LeafSetInquiry(pool, () => driver.leafSet(), log);
  const { networkId, idSpace } = reader;
  const context = { ring: driver, storage, inquiry, networkId, idSpace, parameters, log, ...operationSlots() };
  await host.handle(FILE_PROTOCOL, (stream, remote) => serveFiles(context, stream, remote));
  await host.handle(LOOKUP_PROTOCOL, (stream) => serveLookups(stream, reader, (wanted) => driver.locate(wanted)));

  const seeds = [...membership.seeds, ...(await memory.contacts(reader))];
  log.info('joining', { nodeId: idSpace.format(self.nodeId), seeds: seeds.length });
  await within(driver.start(seeds), { timeoutMs: JOIN_TIMEOUT_MS, signal }, 'joining the ring');
  if (membership.discovery !== undefined) stayPresent(membership.discovery, driver, log, teardown);
  return {
    nodeId: idSpace.format(self.nodeId),
    peerId: host.peerId,
    addrs: host.addrs().map((addr) => `${addr}/p2p/${host.peerId}`),
    storage: storage.path,
    stop: () => teardown.run(),
  };
}

/** Listens where the last run did, if that is still free and nobody says otherwise. */
async function listen(
  options: PeerOptions,
  memory: PeerMemory,
  privateKey: PrivateKey,
  policy: NetworkPolicy,
): Promise<Host> {
  const { log } = options;
  const remembered = await memory.listenAddrs(options.listen);
  let host: Host;
  try {
    host = await Host.start({ privateKey, listen: remembered, policy, log });
  } catch (error) {
    if (!(error instanceof StoreError) || remembered.join() === options.listen.join()) throw error;
    log.info('port-taken', { message: error.message });
    host = await Host.start({ privateKey, listen: options.listen, policy, log });
  }
  await memory.keepPorts(options.listen, host.addrs());
  return host;
}

type Membership = { readonly discovery: DiscoveryClient | undefined; readonly seeds: readonly Contact[] };

/** Registers, or goes on as the member that it was when no discovery peer answers. */
async function becomeMember(
  options: PeerOptions,
  host: Host,
  policy: NetworkPolicy,
  memory: PeerMemory,
  wasMember: boolean,
): Promise<Membership> {
  const { log, signal } = options;
  if (options.discovery.length === 0) {
    if (wasMember) return { discovery: undefined, seeds: [] };
    throw new UnreachableError(
      'no discovery peer is named, and this peer belongs to no network yet. Start one with "p2p-discovery start" and ' +
        'give its address with --discovery or in P2P_DISCOVERY.',
    );
  }
  const random = seededRandom(randomBytes(4).readUInt32BE());
  const discovery = new DiscoveryClient({ host, policy, addrs: options.discovery, random, log });
  const wait = { timeoutMs: REGISTER_TIMEOUT_MS, signal };
  try {
    const { idBits } = (await discovery.contact(wait)).parameters;
    const answer = await discovery.register({ wantedId: wantedId(options.nodeId, idBits) }, wait);
    await memory.keepMembership(defined(policy.network, 'the first contact shows the network'), policy.certificate);
    return { discovery, seeds: answer.seeds };
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'UNREACHABLE' || !wasMember) throw error;
    log.warn('discovery-away', { message: `${error.message} Going on with the peers known from before.` });
    return { discovery, seeds: [] };
  }
}

function wantedId(text: string | undefined, idBits: 16 | 32): NodeId | undefined {
  if (text === undefined) return undefined;
  const wanted = new IdSpace(idBits).parse(text);
  if (wanted === undefined)
    throw new UsageError(`a node id of this network is ${String(idBits / 4)} hex digits, not "${text}"`);
  return wanted;
}

/** Tells the discovery peer that this peer is there, for as long as it is, and hears from it who else is. */
function stayPresent(discovery: DiscoveryClient, driver: OverlayDriver, log: Log, teardown: Teardown): void {
  const over = new AbortController();
  const subscribed = discovery
    .subscribe(({ arrived }) => driver.hear(arrived), over.signal)
    .catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      log.error('membership-ended', { code: error.code, message: error.message });
    });
  teardown.add(async () => {
    over.abort();
    await subscribed;
    await discovery.stop({ timeoutMs: GOODBYE_TIMEOUT_MS }).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      log.debug('discovery-not-told', { code: error.code });
    });
  });
}
