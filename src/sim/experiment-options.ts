/** What an experiment is: the ring, the load, and the one thing that happens to it. Together with the code it says all. */

import type { IdBits } from '../id/id-space.ts';

/** Neither half reaches the other, or one of twenty machines reaches both, or one half only hears the other. */
export type Cut = 'halves' | 'bridge' | 'one-way';

/** What happens to the ring once it is grown and settled. */
export type Disturbance =
  | { readonly kind: 'none' }
  /** This share of the nodes dies at one moment. */
  | { readonly kind: 'fail'; readonly share: number }
  /** Nodes come and go while lookups are made. */
  | { readonly kind: 'churn'; readonly sessionMedianSeconds: number }
  /** The network is cut between two random halves for so long; lookups are made when the ring is one again. */
  | { readonly kind: 'partition'; readonly seconds: number; readonly cut: Cut }
  /** So many join at one moment; lookups are made when the ring has closed. */
  | { readonly kind: 'join'; readonly joiners: number }
  /** All are killed at one moment, and start again at one moment from what they remember. */
  | { readonly kind: 'restart' };

export type ExperimentOptions = {
  readonly nodes: number;
  readonly bits: IdBits;
  /** 2l: nodes in a full leaf set. */
  readonly leafSet: number;
  readonly seed: number;
  /** Lookups of random keys from random live nodes. */
  readonly lookups: number;
  /** Random node ids, or those that the discovery peer would give. */
  readonly ids: 'random' | 'balanced';
  /** Virtual time between the last join and the first lookup: tables become nearer by periodic maintenance. */
  readonly settleMinutes: number;
  /** Virtual time over which the lookups are spread. */
  readonly minutes: number;
  /** Probability that a message is lost, from the first join on. */
  readonly loss: number;
  readonly disturbance: Disturbance;
};

/** Lookups per virtual second unless the time is given: one per node and second, within bounds. */
const RATE_MIN = 100;
const RATE_MAX = 2_000;
/** Long enough for tables to be repaired by their own maintenance, too. */
const FAIL_MINUTES = 5;

/** Ten minutes; less for rings so large that an hour of computing would go into it. */
export function defaultSettleMinutes(nodes: number): number {
  return nodes <= 5_000 ? 10 : nodes <= 20_000 ? 5 : 2;
}

/** With churn at least a median session: before that, next to nothing has come or gone. */
export function defaultMinutes(nodes: number, lookups: number, disturbance: Disturbance): number {
  if (disturbance.kind === 'fail') return FAIL_MINUTES;
  const minutes = lookups / Math.min(RATE_MAX, Math.max(RATE_MIN, nodes)) / 60;
  return disturbance.kind === 'churn' ? Math.max(minutes, disturbance.sessionMedianSeconds / 60) : minutes;
}
