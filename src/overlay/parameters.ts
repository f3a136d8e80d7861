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
  /** The single probe that checks another's word that a node is dead, or re-probes a remembered one. */
  readonly checkTimeoutMs: number;
  /** After a refused dial the next probe follows this soon. */
  readonly refusedProbeMs: number;
  /** Bounds of the retransmission timeout for one hop, and its value before anything was measured. */
  readonly ackTimeoutFloorMs: number;
  readonly ackTimeoutInitialMs: number;
  readonly ackTimeoutCapMs: number;
  /** A step that comes this much later than a deadline means that this process slept: nobody else is blamed. */
  readonly stallMs: number;

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

  /** Swapping leaf sets with a random member. */
  readonly leafSetSwapMs: number;
  /** Asking again for the leaf set of the last node on a short side. */
  readonly repairRetryMs: number;
  /** Asking a random entry of a random row for that row. */
  readonly tableRepairMs: number;
  /** Entries of an offered row that are probed although the slot is taken, to see if they are nearer. */
  readonly nearerProbesMax: number;

  /** First and longest wait before a remembered node is probed again; the wait doubles. */
  readonly reprobeFirstMs: number;
  readonly reprobeCapMs: number;
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
  probeTimeoutsMs: [400, 600, 800],
  checkTimeoutMs: 1_000,
  refusedProbeMs: 150,
  ackTimeoutFloorMs: 150,
  ackTimeoutInitialMs: 400,
  ackTimeoutCapMs: 800,
  stallMs: 300,
  joinAttemptMs: 1_000,
  coldStartMs: 4_000,
  lookupRetryMs: 4_000,
  lookupDeadlineMs: 15_000,
  heldMax: 1_024,
  duplicateMemoryMs: 30_000,
  duplicatesMax: 65_536,
  leafSetSwapMs: 60_000,
  repairRetryMs: 500,
  tableRepairMs: 300_000,
  nearerProbesMax: 2,
  reprobeFirstMs: 15_000,
  reprobeCapMs: 120_000,
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
  assert(
    p.probeTimeoutsMs.reduce((sum, ms) => sum + ms, 0) >= 1_000,
    'a peer that is busy for a second is not given up',
  );
  assert(
    p.ackTimeoutFloorMs <= p.ackTimeoutInitialMs && p.ackTimeoutInitialMs <= p.ackTimeoutCapMs,
    'ack timeouts ordered',
  );
  assert(p.lookupRetryMs < p.lookupDeadlineMs, 'a lookup is tried twice before it fails');
  assert(p.duplicateMemoryMs >= p.lookupDeadlineMs, 'a copy of a live lookup is always recognised');
  assert(p.reprobeFirstMs <= p.reprobeCapMs, 'the wait for a re-probe grows');
  assert(p.jitter >= 0 && p.jitter < 1, 'jitter is a share');
}
