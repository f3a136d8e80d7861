/** Puts together what the file operations of a peer work with. */

import type { Log } from '../base/log.ts';
import type { NetworkParameters } from '../membership/network-parameters.ts';
import type { Host } from '../net/host.ts';
import { StreamPool, type StreamPoolOptions } from '../net/stream-pool.ts';
import type { StorageDirectory } from '../store/storage-directory.ts';
import type { ContactReader } from '../wire/contact.ts';
import { FILE_PROTOCOL } from '../wire/file.ts';
import { REPLICA_PROTOCOL } from '../wire/replica.ts';
import { Barrier } from './barrier.ts';
import { operationSlots, type FileContext } from './file-context.ts';
import { LeafSetInquiry } from './leaf-set-inquiry.ts';
import type { LongAbsence } from './long-absence.ts';
import type { OverlayDriver } from './overlay-driver.ts';
import type { RepairContext } from './repair-context.ts';
import { Repair } from './repair.ts';
import { ReplicaPlacement } from './replica-placement.ts';
import type { Teardown } from './teardown.ts';

/** Streams to each peer, for small things and for copies on their way. */
const QUESTION_STREAMS = { idleTimeoutMs: 30_000, perPeerMax: 6 };
const COPY_STREAMS = { idleTimeoutMs: 30_000, perPeerMax: 96 };

type Ingredients = {
  readonly host: Host;
  readonly driver: OverlayDriver;
  readonly storage: StorageDirectory;
  readonly reader: ContactReader;
  readonly parameters: NetworkParameters;
  readonly absence: LongAbsence;
  readonly log: Log;
};

export function fileContext(
  { host, driver, storage, reader, parameters, absence, log }: Ingredients,
  teardown: Teardown,
): FileContext {
  const { networkId, idSpace } = reader;
  const pool = (protocol: string, options: StreamPoolOptions) => {
    const streams = new StreamPool(host, protocol, options);
    teardown.add(() => streams.close());
    return streams;
  };
  const replicaQuestions = pool(REPLICA_PROTOCOL, QUESTION_STREAMS);
  const slots = operationSlots();
  const counts = () => [...new Set([parameters.replicas, ...storage.replicaCounts()])];
  const repairContext: RepairContext = {
    ring: driver,
    storage,
    placement: new ReplicaPlacement(driver, idSpace, parameters.repairDelayMs, counts),
    replicaQuestions,
    fileStreams: pool(FILE_PROTOCOL, QUESTION_STREAMS),
    networkId,
    idSpace,
    log,
    ...slots,
  };
  const repair = new Repair(repairContext);
  teardown.add(() => repair.stop());
  return {
    ...repairContext,
    ...slots,
    repair,
    inquiry: new LeafSetInquiry(replicaQuestions, () => driver.leafSet(), log),
    replicaStreams: pool(REPLICA_PROTOCOL, COPY_STREAMS),
    commits: new Barrier(),
    absence,
    parameters,
  };
}
