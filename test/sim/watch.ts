/**
 * What a scenario's expectations look back upon: lookups and how they ended, who was given up, what was held.
 * It only listens.
 */

import type { Key, NodeId } from '../../src/id/id-space.ts';
import type { LookupOutcome, SimulatedPeer } from '../../src/sim/simulated-peer.ts';
import type { Simulation } from '../../src/sim/simulation.ts';

export type WatchedLookup = { readonly key: Key; readonly entry: NodeId; outcome: LookupOutcome | undefined };

export class Watch {
  readonly simulation: Simulation;
  lookups: WatchedLookup[] = [];
  /** Who gave whom up. */
  givenUp: { readonly by: NodeId; readonly whom: NodeId }[] = [];
  held = new Set<Key>();
  /** Copies that were recognised. */
  copiesDropped = 0;
  /** Messages sent, by `type from to`. */
  readonly sent = new Map<string, number>();

  constructor(simulation: Simulation) {
    this.simulation = simulation;
    simulation.onFact = (peer, fact) => {
      if (fact.kind === 'dead') this.givenUp.push({ by: peer.contact.nodeId, whom: fact.nodeId });
      if (fact.kind === 'held') this.held.add(fact.key);
      if (fact.kind === 'dropped' && fact.why === 'duplicate') this.copiesDropped += 1;
    };
    simulation.onSend = (from, to, message) => {
      const kind = sendingOf(message.type, from.contact.nodeId, to.nodeId);
      this.sent.set(kind, (this.sent.get(kind) ?? 0) + 1);
    };
  }

  lookup(peer: SimulatedPeer, key: Key): WatchedLookup {
    const lookup: WatchedLookup = { key, entry: peer.contact.nodeId, outcome: undefined };
    this.lookups.push(lookup);
    this.simulation.lookup(peer, key, (outcome) => {
      lookup.outcome = outcome;
    });
    return lookup;
  }

  /** What was seen so far counts no more. */
  reset(): void {
    this.lookups = [];
    this.givenUp = [];
    this.held = new Set();
    this.copiesDropped = 0;
    this.sent.clear();
    this.simulation.wrongDeliveries = 0;
  }
}

export function sendingOf(type: string, from: NodeId, to: NodeId): string {
  return `${type} ${String(from)} ${String(to)}`;
}
