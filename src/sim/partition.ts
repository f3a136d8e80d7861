/**
 * Ways in which a network falls apart, as predicates for a simulation's `reaches`: who can send to whom. Real ones
 * are not always clean: a firewall lets one direction pass, and some machines may still reach both sides (Alfatafta
 * and others, "Toward a Generic Fault Tolerance Technique for Partial Network Partitioning", OSDI 2020).
 */

import type { SimulatedPeer } from './simulated-peer.ts';

type Reaches = (from: SimulatedPeer, to: SimulatedPeer) => boolean;
type Machines = ReadonlySet<SimulatedPeer>;

export const EVERYBODY_REACHES_EVERYBODY: Reaches = () => true;

/** Two sides, these machines and all others, that do not reach each other. */
export function parted(side: Machines): Reaches {
  return (from, to) => side.has(from) === side.has(to);
}

/** Two sides that do not reach each other, but a few machines reach both and are reached by both. */
export function bridged(side: Machines, bridges: Machines): Reaches {
  return (from, to) => side.has(from) === side.has(to) || bridges.has(from) || bridges.has(to);
}

/** What these send to all others is lost; what the others send to them passes. */
export function muted(senders: Machines): Reaches {
  return (from, to) => !senders.has(from) || senders.has(to);
}
