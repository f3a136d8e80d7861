/**
 * How long a hop's acknowledgement is waited for: the smoothed round-trip time plus four times its deviation
 * (Jacobson 1988), within bounds. Samples come only from messages that were sent once, so that no answer is
 * counted for the wrong transmission (Karn and Partridge 1987). Plain fields in the node's record: compact.
 */

import type { OverlayParameters } from './parameters.ts';

export type RoundTrip = {
  /** Milliseconds; −1 before the first sample. */
  smoothedMs: number;
  deviationMs: number;
};

const SMOOTHING = 1 / 8;
const DEVIATION_SMOOTHING = 1 / 4;
const DEVIATIONS = 4;

export function addSample(roundTrip: RoundTrip, sampleMs: number): void {
  if (roundTrip.smoothedMs < 0) {
    roundTrip.smoothedMs = sampleMs;
    roundTrip.deviationMs = sampleMs / 2;
    return;
  }
  const error = sampleMs - roundTrip.smoothedMs;
  roundTrip.smoothedMs += SMOOTHING * error;
  roundTrip.deviationMs += DEVIATION_SMOOTHING * (Math.abs(error) - roundTrip.deviationMs);
}

/** Milliseconds. */
export function ackTimeout(roundTrip: RoundTrip, parameters: OverlayParameters): number {
  if (roundTrip.smoothedMs < 0) return parameters.ackTimeoutInitialMs;
  const timeout = roundTrip.smoothedMs + DEVIATIONS * roundTrip.deviationMs;
  return Math.min(parameters.ackTimeoutCapMs, Math.max(parameters.ackTimeoutFloorMs, timeout));
}
