/**
 * What this node may claim: that it is the root of a key, which keys it answers for, and which nodes hold copies.
 * It claims nothing that it is not sure of: while it joins, while its leaf set may lack somebody, or while a
 * closer node is merely suspected or at the door, the answer is "not sure", and lookups wait.
 */

import type { Contact } from '../id/contact.ts';
import type { Key } from '../id/id-space.ts';
import type { KeyInterval } from '../id/interval.ts';
import type { Core } from './core.ts';
import type { KnownNode } from './known-node.ts';
import type { Remembered } from './remembered.ts';

export class Ownership {
  private readonly core: Core;
  private readonly remembered: Remembered;
  private readonly isRepairing: () => boolean;

  constructor(core: Core, remembered: Remembered, isRepairing: () => boolean) {
    this.core = core;
    this.remembered = remembered;
    this.isRepairing = isRepairing;
  }

  /** The leaf set can be relied upon. */
  isSettled(): boolean {
    return this.core.state === 'active' && this.core.leafSet.isComplete() && !this.isRepairing();
  }

  isRoot(key: Key): boolean {
    return this.isSettled() && !this.someoneMayBeCloser(key) && this.closerInTable(key) === undefined;
  }

  /** A live table entry that is closer than this node, against all expectation: two rings may have met. */
  closerInTable(key: Key): KnownNode | undefined {
    for (const node of this.core.table.entries()) if (node.state === 'live' && this.isCloser(node, key)) return node;
    return undefined;
  }

  closest(key: Key): Contact {
    const { core } = this;
    let best = core.contact;
    for (const node of core.leafSet.members()) {
      if (node.state === 'live' && core.geometry.compare(key, node.nodeId, best.nodeId) < 0) best = node.contact;
    }
    return best;
  }

  replicaSet(key: Key, k: number): readonly Contact[] | undefined {
    const { core } = this;
    if (k > core.parameters.leafSetHalf || !this.isSettled()) return undefined;
    const members = core.leafSet.members();
    const nodes = core.geometry.replicaSet(key, k, [core.contact, ...members.map((node) => node.contact)]);
    const last = nodes.at(-1);
    if (last === undefined) return undefined;
    // With fewer than k there is nobody else: the ring is that small.
    const distance = core.geometry.space.distance(last.nodeId, key);
    return core.leafSet.reaches(key, distance) ? nodes : undefined;
  }

  intervals(): readonly KeyInterval[] {
    const { core } = this;
    if (!this.isSettled()) return [];
    const predecessor = core.leafSet.counterclockwise[0];
    const successor = core.leafSet.clockwise[0];
    return core.geometry.intervals(core.self, predecessor?.nodeId, successor?.nodeId);
  }

  /** A suspected leaf, or a newcomer that has written to us and is being verified. */
  private someoneMayBeCloser(key: Key): boolean {
    for (const node of this.core.leafSet.members()) if (this.isCloser(node, key)) return true;
    for (const node of this.core.candidates) {
      if (!node.heard || node.probe === undefined || this.remembered.isHollow(node.nodeId)) continue;
      if (this.isCloser(node, key)) return true;
    }
    return false;
  }

  private isCloser(node: KnownNode, key: Key): boolean {
    return this.core.geometry.compare(key, node.nodeId, this.core.self) < 0;
  }
}
