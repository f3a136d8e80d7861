/** What every file operation of a peer works with. */

import type { NetworkParameters } from '../membership/network-parameters.ts';
import type { StreamPool } from '../net/stream-pool.ts';
import type { Barrier } from './barrier.ts';
import type { LeafSetInquiry } from './leaf-set-inquiry.ts';
import type { LongAbsence } from './long-absence.ts';
import type { Repair } from './repair.ts';
import type { RepairContext } from './repair-context.ts';
import { Slots } from './slots.ts';

export type FileContext = RepairContext & {
  readonly repair: Repair;
  readonly inquiry: LeafSetInquiry;
  /** For copies on their way to other replicas, which may be many at once. */
  readonly replicaStreams: StreamPool;
  /** Commits that this peer makes as the root. */
  readonly commits: Barrier;
  readonly absence: LongAbsence;
  readonly parameters: NetworkParameters;
  /** Copies for other roots under way. */
  readonly replicating: Slots;
};

/** Each holds up to three chunks and a descriptor. Clients have 64 operations in flight. */
const READS_AT_ONCE = 64;
const WRITES_AT_ONCE = 128;
/** Twice the stores of a root: a peer is a replica of several. Roots and replicas that wait for each other run out of time. */
const COPIES_AT_ONCE = 256;
/** Shorter than a client waits for an answer, so that it hears the reason. */
const TURN_TIMEOUT_MS = 8_000;

export function operationSlots(): Pick<FileContext, 'reading' | 'writing' | 'replicating'> {
  return {
    reading: new Slots('fetches', READS_AT_ONCE, TURN_TIMEOUT_MS),
    writing: new Slots('stores', WRITES_AT_ONCE, TURN_TIMEOUT_MS),
    replicating: new Slots('copies', COPIES_AT_ONCE, TURN_TIMEOUT_MS),
  };
}
