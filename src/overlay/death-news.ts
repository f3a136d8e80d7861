/**
 * Who tells whom of a death, with few messages. The node that watched the dead one tells the others on its own side;
 * who found out otherwise tells that watcher. Those on the far side hear of it from the one node whose last clockwise
 * leaf they are, or become: each pair across the gap is made, and told, by one exchange.
 */

import type { NodeId } from '../id/id-space.ts';
import type { LostPlace } from './acquaintance.ts';
import type { Core } from './core.ts';
import type { KnownNode } from './known-node.ts';
import type { Liveness } from './liveness.ts';
import type { FailureMessage } from './messages.ts';

export type DeadLeaf = { readonly node: KnownNode; readonly place: LostPlace };

export class DeathNews {
  private readonly core: Core;
  private readonly liveness: Liveness;
  /** `deathsKnown` when a clockwise leaf, or one about to be, was found dead last. */
  private toTellAcross = 0;

  constructor(core: Core, liveness: Liveness) {
    this.core = core;
    this.liveness = liveness;
  }

  leavesDied(died: readonly DeadLeaf[]): void {
    if (died.length === 0) return;
    this.tellOwnSide(died);
    if (died.some(({ place }) => place.wasClockwise)) this.clockwiseDied();
  }

  clockwiseDied(): void {
    this.toTellAcross = this.core.deathsKnown;
  }

  /** Once there is no gap, the last clockwise leaf has this node as its own last, and may hear of it from nobody else. */
  tellAcross(): void {
    const { leafSet } = this.core;
    if (this.toTellAcross === 0 || (leafSet.clockwise.length < leafSet.half && !leafSet.isComplete())) return;
    const partner = leafSet.clockwise.findLast((node) => node.state === 'live');
    if (partner !== undefined && partner.deathsTold < this.toTellAcross) this.liveness.probe(partner, true);
  }

  private tellOwnSide(died: readonly DeadLeaf[]): void {
    const { core } = this;
    const message: FailureMessage = {
      type: 'failure',
      contacts: [...core.neighbourhood(), core.contact],
      dead: core.dead(),
    };
    const receivers = new Set(died.flatMap(({ node, place }) => this.toBeTold(node, place)));
    for (const node of receivers) if (node.state === 'live') core.send(node, message);
  }

  private toBeTold(dead: KnownNode, place: LostPlace): readonly KnownNode[] {
    const { counterclockwise, half } = this.core.leafSet;
    if (place.wasSuccessor) return counterclockwise.slice(0, half - 1);
    return dead.heirs === undefined ? this.watcherOf(dead.nodeId) : [];
  }

  /** The member that stands next counterclockwise of a position. */
  private watcherOf(position: NodeId): readonly KnownNode[] {
    const { space } = this.core.geometry;
    const away = (node: KnownNode): number => space.clockwise(node.nodeId, position);
    return this.core.leafSet
      .members()
      .toSorted((a, b) => away(a) - away(b))
      .slice(0, 1);
  }
}
