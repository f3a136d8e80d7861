/**
 * How the simulated network treats a message: delay by distance on a torus with some jitter (so messages overtake
 * each other), loss, duplication, and cuts between groups of nodes. It sees only two places and says when, or
 * whether, a message arrives; what is in the message it never knows.
 */

import type { Random } from '../base/random.ts';

export type Place = { readonly x: number; readonly y: number };

export type NetworkOptions = {
  /** One-way delay between two nodes in one place, ms. */
  readonly baseDelayMs: number;
  /** Added for the greatest distance that the torus allows, ms. */
  readonly spanDelayMs: number;
  /** Share by which each message's delay may exceed that. */
  readonly delayJitter: number;
  /** Probability that a message is lost, or arrives twice. */
  readonly loss: number;
  readonly duplication: number;
};

export const DEFAULT_NETWORK_OPTIONS: NetworkOptions = {
  baseDelayMs: 1,
  spanDelayMs: 50,
  delayJitter: 0.1,
  loss: 0,
  duplication: 0,
};

/** Half the diagonal of a torus with sides of 1. */
const DISTANCE_MAX = Math.SQRT1_2;

export class NetworkModel {
  readonly options: NetworkOptions;
  private readonly random: Random;

  constructor(options: NetworkOptions, random: Random) {
    this.options = options;
    this.random = random;
  }

  place(): Place {
    return { x: this.random(), y: this.random() };
  }

  /** Between 0 and 1. */
  distance(a: Place, b: Place): number {
    const dx = Math.abs(a.x - b.x);
    const dy = Math.abs(a.y - b.y);
    return Math.hypot(Math.min(dx, 1 - dx), Math.min(dy, 1 - dy)) / DISTANCE_MAX;
  }

  /** Delays after which a message from a to b arrives, ms: none, one, or two. */
  delays(a: Place, b: Place): readonly number[] {
    const { loss, duplication } = this.options;
    if (loss > 0 && this.random() < loss) return [];
    if (duplication > 0 && this.random() < duplication) return [this.delay(a, b), this.delay(a, b)];
    return [this.delay(a, b)];
  }

  private delay(a: Place, b: Place): number {
    const { baseDelayMs, spanDelayMs, delayJitter } = this.options;
    return (baseDelayMs + spanDelayMs * this.distance(a, b)) * (1 + delayJitter * this.random());
  }
}
