/** How often a subscription shows that both ends are there. Both sides use the same figures; their relation is checked. */

import { assert } from '../base/assert.ts';

export type PresenceTiming = {
  /** A notice goes down at least this often, contents or not; each one is answered by a renewal. */
  readonly noticeIntervalMs: number;
  /** Whoever hears nothing for this long takes the other side for gone. */
  readonly silenceMs: number;
  /** Arrivals are collected for this long before they are told. */
  readonly collectMs: number;
};

export const DEFAULT_PRESENCE_TIMING: PresenceTiming = { noticeIntervalMs: 10_000, silenceMs: 30_000, collectMs: 250 };

/** Intervals are stretched or shortened by up to this share, so that peers that began together drift apart. */
export const JITTER_SHARE = 0.2;

export function checkTiming(timing: PresenceTiming): void {
  const { noticeIntervalMs, silenceMs, collectMs } = timing;
  assert(silenceMs >= 2 * noticeIntervalMs * (1 + JITTER_SHARE), 'one lost notice must not make a peer absent');
  assert(collectMs < noticeIntervalMs, 'arrivals are told before the next notice');
}
