/**
 * Every period, timeout and bound of the overlay, with its unit and its relation to the others. Timeouts are
 * chosen so that a killed peer is noticed within about 3 s by whoever routes through it and within about 5 s by
 * its neighbour's heartbeat watch, while one that is merely busy for a second is never given up.
 *
 * Periods are means: each use spreads them by `jitter`, so that nodes which started together do not act together.
 */

import { assert } from '../base/assert.ts';
import { DEFAULT_ID_BITS, type IdBits } from '../id/id-space.ts';
import { CONTACTS_MAX, PATH_MAX } from './messages.ts';

export type OverlayParameters = {
  /** Width of the ring's positions. */
  readonly idBits: IdBits;
  /** l: how many nearest nodes are known on either side; the leaf set holds at most 2l. Replica sets need k ≤ l. */
  readonly leafSetHalf: number;
  /** Nodes that a lookup or join may visit before it is dropped. */
  readonly hopLimit: number;

  /** Every node writes to its counterclockwise neighbour at least this often. */
  readonly heartbeatMs: number;
  /** Silence of the clockwise neighbour after which it is probed. */
  readonly silenceMs: number;
  /** How long each probe in a row is waited for; when the last is missed, the node is dead. */
  readonly probeTimeoutsMs: readonly number[];
  /** The same for a node of which others told. */
  readonly hearsayTimeoutsMs: readonly number[];
  /** The single probe that checks another's word that a node is dead, or whether a doubtful or remembered one lives. */
  readonly checkTimeoutMs: number;
  /** After a refused dial the next probe follows this soon. */
  readonly refusedProbeMs: number;
  /** Bounds of the retransmission timeout for one hop, and its value before anything was measured. */
  readonly ackTimeoutFloorMs: number;
  readonly ackTimeoutInitialMs: number;
  readonly ackTimeoutCapMs: number;
  /** A step that comes this much later than a deadline means that this process slept: nobody else is blamed. */
  readonly stallMs: number;

  /** Who slept longer may have been given up by others, and writes to them. */
  readonly buriedMs: number;

  /** One attempt to join through a seed. */
  readonly joinAttemptMs: number;
  /** With nobody active in reach, the joiner with the lowest id founds the ring after this; any joiner after thrice this. */
  readonly coldStartMs: number;

  /** A lookup without answer is sent out again after this. */
  readonly lookupRetryMs: number;
  /** A lookup without answer has failed after this; also how long a hop holds one that it cannot place. */
  readonly lookupDeadlineMs: number;
  /** Lookups that a node holds at most while it is unsure; the oldest is dropped first. */
  readonly heldMax: number;
  /** How long a lookup is remembered so that a second copy is dropped. */
  readonly duplicateMemoryMs: number;
  readonly duplicatesMax: number;

  /** Swapping leaf sets with the member that was silent longest; every other time a remembered node is probed instead, if there is one. */
  readonly leafSetSwapMs: number;
  /** In a small ring it is done more often: after this for each node. */
  readonly swapPerNodeMs: number;
  /** For so long every exchange of leaf sets says that a leaf has died. */
  readonly deathToldMs: number;
  /** Asking again for the leaf set of the last node on a short side. */
  readonly repairRetryMs: number;
  /** How long a node that lost a counterclockwise leaf waits for the one on the far side to write. */
  readonly repairGraceMs: number;
  /** Asking a near node for a row: the first and the longest wait. It grows while nothing is gained (as in Trickle, RFC 6206). */
  readonly tableRepairFirstMs: number;
  readonly tableRepairCapMs: number;
  /** Entries of an offered row that are probed although the slot is taken, to see if they are nearer. */
  readonly nearerProbesMax: number;

  /** For so long after a node did not answer hearsay about it is not believed: others take a while to notice, too. */
  readonly disbeliefMs: number;
  readonly rememberedMax: number;
  /** Least time between two attempts to find out whether somebody met from outside is on another ring. */
  readonly locateGapMs: number;

  /** Share by which periods vary: uniform in [1 − jitter, 1]. */
  readonly jitter: number;
};

export const DEFAULT_OVERLAY_PARAMETERS: OverlayParameters = {
  idBits: DEFAULT_ID_BITS,
  leafSetHalf: 8,
  hopLimit: 24,
  heartbeatMs: 3_000,
  silenceMs: 3_300,
  probeTimeoutsMs: [300, 400, 500, 600],
  hearsayTimeoutsMs: [500, 1_000],
  checkTimeoutMs: 1_200,
  refusedProbeMs: 150,
  ackTimeoutFloorMs: 150,
  ackTimeoutInitialMs: 400,
  ackTimeoutCapMs: 800,
  stallMs: 300,
  buriedMs: 1_500,
  joinAttemptMs: 1_000,
  coldStartMs: 4_000,
  lookupRetryMs: 4_000,
  lookupDeadlineMs: 15_000,
  heldMax: 1_024,
  duplicateMemoryMs: 30_000,
  duplicatesMax: 65_536,
  leafSetSwapMs: 60_000,
  swapPerNodeMs: 3_000,
  deathToldMs: 120_000,
  repairRetryMs: 500,
  repairGraceMs: 3_000,
  tableRepairFirstMs: 5_000,
  tableRepairCapMs: 600_000,
  nearerProbesMax: 6,
  disbeliefMs: 15_000,
  rememberedMax: 64,
  locateGapMs: 10_000,
  jitter: 0.2,
};

/** Holds parameters to the relations that the algorithms rely on. */
export function checkOverlayParameters(p: OverlayParameters): void {
  assert(Number.isInteger(p.leafSetHalf) && p.leafSetHalf >= 1, 'leafSetHalf is a positive whole number');
  assert(4 * p.leafSetHalf <= CONTACTS_MAX, 'a leaf set and as many candidates fit into one message');
  assert(
    p.hopLimit >= p.idBits / 4 + 2 && p.hopLimit <= PATH_MAX,
    'hopLimit fits the path and exceeds any honest route',
  );
  assert(p.silenceMs > p.heartbeatMs, 'a heartbeat in time is never missed');
  assert(p.probeTimeoutsMs.length >= 1 && p.probeTimeoutsMs.every((ms) => ms > 0), 'at least one probe is waited for');
  assert(sum(p.probeTimeoutsMs) >= 1_000, 'a peer that is busy for a second is not given up');
  assert(p.buriedMs > p.stallMs && p.buriedMs < sum(p.probeTimeoutsMs), 'who slept writes to others before it must');
  assert(
    p.ackTimeoutFloorMs <= p.ackTimeoutInitialMs && p.ackTimeoutInitialMs <= p.ackTimeoutCapMs,
    'ack timeouts ordered',
  );
  assert(p.lookupRetryMs < p.lookupDeadlineMs, 'a lookup is tried twice before it fails');
  assert(p.duplicateMemoryMs >= p.lookupDeadlineMs, 'a copy of a live lookup is always recognised');
  assert(p.disbeliefMs > p.silenceMs + sum(p.probeTimeoutsMs), 'the dead are disbelieved until all have noticed');
  assert(p.tableRepairFirstMs <= p.tableRepairCapMs, 'the wait between rows grows');
  assert(p.jitter >= 0 && p.jitter < 1, 'jitter is a share');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
