/**
 * Which messages a cut network does not carry, per direction and pair: so partitions may be one-way, or leave a
 * bridge that reaches both sides.
 */

import type { NodeId } from '../../src/id/id-space.ts';
import type { Simulation } from '../../src/sim/simulation.ts';

export class Cuts {
  private readonly severed = new Map<NodeId, Set<NodeId>>();

  constructor(simulation: Simulation) {
    simulation.reaches = (from, to) => this.severed.get(from.contact.nodeId)?.has(to.contact.nodeId) !== true;
  }

  /** Nothing that one of `from` sends reaches one of `to`. */
  cut(from: readonly NodeId[], to: readonly NodeId[]): void {
    for (const id of from) {
      const others = this.severed.get(id) ?? new Set();
      for (const other of to) others.add(other);
      this.severed.set(id, others);
    }
  }

  heal(): void {
    this.severed.clear();
  }
}
