/**
 * What became of many lookups, in counters and a histogram: nothing is kept per lookup, so that three million of
 * them cost no more memory than three. Right and wrong are judged by the simulation's oracle.
 */

import type { Key } from '../id/id-space.ts';
import type { LookupOutcome, SimulatedPeer } from './simulated-peer.ts';
import type { Simulation } from './simulation.ts';

/** A lookup whose answer has not come to its origin by then is lost, whatever the reason. */
export const LOST_AFTER_MS = 30_000;

export class LookupStatistics {
  private readonly simulation: Simulation;
  issued = 0;
  answered = 0;
  /** The origin was killed before the answer came: nobody is there to miss it. */
  abandoned = 0;
  /** Answered by a node that was not the closest live one when the answer came. Of meaning only while nobody joins. */
  wrongRoots = 0;
  /** Lookups that some node on the way held back at least once, because it was not sure. */
  held = 0;
  /** Answered lookups of which at least one hop was the rare case: neither leaf set nor table had the next node. */
  private rare = 0;
  /** Answered lookups by the number of their hops. */
  private readonly byHops: number[] = [];
  private routeLength = 0;
  private directLength = 0;
  private ended = 0;
  /**
   * Keys of lookups on their way that met such a hop, or were held. A fact names only the key; that two lookups of
   * one key are on their way at once is rare enough not to matter.
   */
  private readonly rareKeys = new Set<Key>();
  private readonly heldKeys = new Set<Key>();

  constructor(simulation: Simulation) {
    this.simulation = simulation;
  }

  get open(): number {
    return this.issued - this.ended;
  }

  /** Ended without an answer, or not ended at all: to be read once the last one had its time. */
  get lost(): number {
    return this.issued - this.answered - this.abandoned;
  }

  get meanHops(): number | null {
    return ratio(
      this.byHops.reduce((sum, count, hops) => sum + count * hops, 0),
      this.answered,
    );
  }

  get maxHops(): number | null {
    return this.byHops.length === 0 ? null : this.byHops.length - 1;
  }

  /** Shares of the answered lookups; the index is the number of hops. */
  get hopShares(): readonly number[] {
    return this.byHops.map((count) => count / this.answered);
  }

  get rareCaseShare(): number | null {
    return ratio(this.rare, this.answered);
  }

  /** The length of all routes over the length of the straight ways from origin to root, on the network's surface. */
  get routeStretch(): number | null {
    return ratio(this.routeLength, this.directLength);
  }

  /** Sends off one lookup of a random key, and follows it. */
  lookUp(from: SimulatedPeer): void {
    const key = this.simulation.randomKey();
    this.issued += 1;
    this.rareKeys.delete(key);
    this.heldKeys.delete(key);
    this.simulation.lookup(from, key, (outcome) => {
      this.end(outcome);
    });
  }

  /** Hears of hops from now on. */
  listen(): void {
    this.simulation.onFact = (_peer, fact) => {
      if (fact.kind === 'forwarded' && fact.how === 'rare') this.rareKeys.add(fact.key);
      if (fact.kind === 'held') this.heldKeys.add(fact.key);
    };
  }

  private end({ key, root, path, tookMs, failure }: LookupOutcome): void {
    this.ended += 1;
    const wasRare = this.rareKeys.delete(key);
    if (this.heldKeys.delete(key)) this.held += 1;
    if (failure === 'killed') this.abandoned += 1;
    if (failure !== undefined || tookMs > LOST_AFTER_MS) return;
    this.answered += 1;
    if (wasRare) this.rare += 1;
    if (root !== this.simulation.oracle.root(key)) this.wrongRoots += 1;
    const hops = path.length - 1;
    while (this.byHops.length <= hops) this.byHops.push(0);
    this.byHops[hops] = (this.byHops[hops] ?? 0) + 1;
    this.measure(path);
  }

  /** Where a machine on the way is no more, nobody knows where it stood: such a route is left out. */
  private measure(path: LookupOutcome['path']): void {
    const { simulation } = this;
    const [first] = path;
    const last = path.at(-1);
    if (first === undefined || last === undefined || !path.every((id) => simulation.peers.has(id))) return;
    let previous = first;
    for (const id of path) {
      this.routeLength += simulation.distance(previous, id);
      previous = id;
    }
    this.directLength += simulation.distance(first, last);
  }
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
