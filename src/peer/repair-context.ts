/** What the keeping of copies works with. */

import type { Log } from '../base/log.ts';
import type { IdSpace } from '../id/id-space.ts';
import type { StreamPool } from '../net/stream-pool.ts';
import type { StorageDirectory } from '../store/storage-directory.ts';
import type { ReplicaPlacement } from './replica-placement.ts';
import type { Ring } from './ring.ts';
import type { Slots } from './slots.ts';

export type RepairContext = {
  readonly ring: Ring;
  readonly storage: StorageDirectory;
  readonly placement: ReplicaPlacement;
  /** For questions to other peers about their copies. */
  readonly replicaQuestions: StreamPool;
  /** For copies that are fetched from them. */
  readonly fileStreams: StreamPool;
  readonly networkId: Uint8Array;
  readonly idSpace: IdSpace;
  readonly log: Log;
  /** Fetches, and stores as the root, under way. */
  readonly reading: Slots;
  readonly writing: Slots;
};
