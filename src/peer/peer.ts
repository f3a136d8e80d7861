/**
 * One running peer: opens its storage directory, becomes a member, joins the ring, and serves until it is stopped.
 * Everything that it is made of is put together here and nowhere else.
 */

import { join } from 'node:path';
import type { PrivateKey } from '@libp2p/interface';
import { defined } from '../base/assert.ts';
import { StoreError } from '../base/errors.ts';
import { NetworkPolicy } from '../discovery/hello-policy.ts';
import { Host } from '../net/host.ts';
import { within } from '../net/wait.ts';
import { loadOrMakeKey } from '../store/key-file.ts';
import { StorageDirectory } from '../store/storage-directory.ts';
import { FILE_PROTOCOL } from '../wire/file.ts';
import { LOOKUP_PROTOCOL } from '../wire/lookup.ts';
import { REPLICA_PROTOCOL } from '../wire/replica.ts';
import { fileContext } from './assemble.ts';
import { becomeMember, stayPresent } from './become-member.ts';
import { serveControl } from './control-peer.ts';
import { Departure } from './departure.ts';
import type { FileContext } from './file-context.ts';
import { Housekeeping } from './housekeeping.ts';
import { LongAbsence } from './long-absence.ts';
import { serveFiles } from './file-server.ts';
import { serveLookups } from './lookup-server.ts';
import { OverlayDriver } from './overlay-driver.ts';
import { PeerMemory } from './peer-memory.ts';
import type { PeerOptions } from './peer-options.ts';
import { serveReplicas } from './replica-server.ts';
import { Teardown } from './teardown.ts';

export type RunningPeer = {
  /** Hex. */
  readonly nodeId: string;
  readonly peerId: string;
  /** Dialable, each with its /p2p part. */
  readonly addrs: readonly string[];
  readonly storage: string;
  /** Settles when the peer has ended by itself: it has left the network. */
  readonly over?: Promise<void>;
  /** Says goodbye and ends everything. The peer keeps its id and its files. */
  stop(): Promise<void>;
};

/** Joining takes seconds when everybody starts at once; more than this means that something is wrong. */
const JOIN_TIMEOUT_MS = 60_000;

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
  const storage = await openStorage(options);
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

  const wasMember = network !== undefined && certificate !== undefined;
  const membership = await becomeMember(options, host, policy, memory, wasMember);
  const { reader } = policy;
  const joined = defined(policy.network, 'a member knows its network');
  const { parameters } = joined;
  const self = reader.contactOf(policy.certificate, host.addrs());
  const driver: OverlayDriver = new OverlayDriver({
    host,
    self,
    parameters,
    reader,
    log,
    onNeighboursChanged: () => {
      memory.keepContactsSoon(() => driver.knownContacts());
      context.repair.onNeighboursChanged();
    },
  });
  teardown.add(() => memory.keepContacts(driver.knownContacts()));
  teardown.add(() => driver.stop());
  const context: FileContext = fileContext(
    { host, driver, storage, reader, parameters, absence: await LongAbsence.look(storage, Date.now()), log },
    teardown,
  );
  await host.handle(FILE_PROTOCOL, (stream) => serveFiles(context, stream));
  await host.handle(REPLICA_PROTOCOL, (stream, remote) => serveReplicas(context, reader, stream, remote));
  await host.handle(LOOKUP_PROTOCOL, (stream) => serveLookups(stream, reader, (wanted) => driver.locate(wanted)));

  const { idSpace } = reader;
  const remembered = await memory.contacts(reader);
  context.placement.expect(remembered);
  const seeds = [...membership.seeds, ...remembered];
  await context.absence.settle(context.replicaQuestions, seeds, log);
  log.info('joining', { nodeId: idSpace.format(self.nodeId), seeds: seeds.length });
  await within(driver.start(seeds), { timeoutMs: JOIN_TIMEOUT_MS, signal }, 'joining the ring');
  if (membership.discovery !== undefined)
    stayPresent(membership.discovery, (arrived) => driver.hear(arrived), log, teardown);
  const addrs = () => host.addrs().map((addr) => `${addr}/p2p/${host.peerId}`);
  const housekeeping = new Housekeeping(context, options.scrubBytesPerSecond);
  teardown.add(() => housekeeping.stop());
  const departure = new Departure({ context, driver, discovery: membership.discovery });
  const controlled = { addrs, network: joined, discovery: options.discovery, context, departure };
  teardown.add(await serveControl(controlled, log));
  return {
    nodeId: idSpace.format(self.nodeId),
    peerId: host.peerId,
    addrs: addrs(),
    storage: storage.path,
    over: departure.over,
    stop: () => teardown.run(),
  };
}

function openStorage({ storage, log, capacityBytes, keepFreeBytes }: PeerOptions): Promise<StorageDirectory> {
  return StorageDirectory.open(storage, {
    log,
    ...(capacityBytes === undefined ? {} : { capacityBytes }),
    ...(keepFreeBytes === undefined ? {} : { freeSpaceFloorBytes: keepFreeBytes }),
  });
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
