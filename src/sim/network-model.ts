/**
 * How the simulated network treats a message: delay by distance with some jitter, loss, duplication, and now and
 * then a detour that lets later messages overtake. Machines stand at random places of a unit square, as in the
 * evaluation of Pastry (Rowstron and Druschel, 2001), or of a torus, where no place is more central than another.
 * It sees only two places and says when, or whether, a message arrives; what is in the message it never knows. Who
 * can reach whom at all is the simulation's `reaches`.
 */

import type { Random } from '../base/random.ts';

export type Place = { readonly x: number; readonly y: number };

export type NetworkOptions = {
  readonly surface: 'plane' | 'torus';
  /** One-way delay between two nodes in one place, ms. */
  readonly baseDelayMs: number;
  /** Added for the greatest distance that the surface allows, ms. */
  readonly spanDelayMs: number;
  /** Share by which each message's delay may exceed that. */
  readonly delayJitter: number;
  /** Probability that a message is lost, or arrives twice. */
  readonly loss: number;
  readonly duplication: number;
  /** Probability that a message takes a detour, which adds up to so many ms, so that others overtake it. */
  readonly reordering: number;
  readonly detourDelayMs: number;
};

export const DEFAULT_NETWORK_OPTIONS: NetworkOptions = {
  surface: 'plane',
  baseDelayMs: 1,
  spanDelayMs: 50,
  delayJitter: 0.1,
  loss: 0,
  duplication: 0,
  reordering: 0,
  detourDelayMs: 200,
};

/** Greatest distance within the unit square, and on a torus with sides of 1. */
const DISTANCE_MAX = { plane: Math.SQRT2, torus: Math.SQRT1_2 };

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

  /** As a share of the greatest distance: between 0 and 1. */
  distance(a: Place, b: Place): number {
    const { surface } = this.options;
    const dx = Math.abs(a.x - b.x);
    const dy = Math.abs(a.y - b.y);
    const length = surface === 'plane' ? Math.hypot(dx, dy) : Math.hypot(Math.min(dx, 1 - dx), Math.min(dy, 1 - dy));
    return length / DISTANCE_MAX[surface];
  }

  /** Delays after which a message from a to b arrives, ms: none, one, or two. */
  delays(a: Place, b: Place): readonly number[] {
    const { loss, duplication } = this.options;
    if (loss > 0 && this.random() < loss) return [];
    if (duplication > 0 && this.random() < duplication) return [this.delay(a, b), this.delay(a, b)];
    return [this.delay(a, b)];
  }

  private delay(a: Place, b: Place): number {
    const { baseDelayMs, spanDelayMs, delayJitter, reordering, detourDelayMs } = this.options;
    const straight = (baseDelayMs + spanDelayMs * this.distance(a, b)) * (1 + delayJitter * this.random());
    return reordering > 0 && this.random() < reordering ? straight + detourDelayMs * this.random() : straight;
  }
}
