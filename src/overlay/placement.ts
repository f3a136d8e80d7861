/**
 * Where a node that has proven itself stands: in the leaf set, in the routing table, in both. Whom it pushes out may
 * still serve elsewhere, and is released when nothing needs it any more.
 */

import type { Core } from './core.ts';
import type { KnownNode } from './known-node.ts';
import type { Remembered } from './remembered.ts';

export class Placement {
  private readonly core: Core;
  private readonly remembered: Remembered;
  private readonly released: (node: KnownNode) => void;

  /** @param released is told of nodes that live but are not needed any more */
  constructor(core: Core, remembered: Remembered, released: (node: KnownNode) => void) {
    this.core = core;
    this.remembered = remembered;
    this.released = released;
  }

  /** Says whether it became a leaf. */
  insertLeaf(node: KnownNode): boolean {
    const { core } = this;
    const pushedOut = core.leafSet.insert(node, node.follows);
    node.follows = 'neither';
    if (pushedOut === undefined) return false;
    core.viewChanged = true;
    core.neighboursChanged = true;
    core.tableMayFit = true;
    this.placePushedOut(pushedOut);
    return true;
  }

  /** Suspicions are settled: whoever was taken in for a leaf that lives after all goes out again. */
  trimLeafSet(): void {
    const pushedOut = this.core.leafSet.trim();
    if (pushedOut.length > 0) this.core.neighboursChanged = true;
    this.placePushedOut(pushedOut);
  }

  offerToTable(node: KnownNode): void {
    const { core } = this;
    const { entered, replaced } = core.table.offer(node);
    if (!entered) return;
    const onTrial = core.table.trialFor(node.nodeId);
    if (onTrial !== undefined) {
      core.table.endTrial(onTrial);
      if (onTrial.probe === undefined) this.forgetCandidate(onTrial);
    }
    if (replaced === undefined) return;
    if (replaced.state === 'suspected' && !replaced.inLeafSet) this.parkSuspected(replaced);
    this.release(replaced);
  }

  release(node: KnownNode): void {
    if (this.core.release(node)) this.released(node);
  }

  forgetCandidate(node: KnownNode): void {
    const { core } = this;
    core.candidates.delete(node);
    core.known.delete(node.nodeId);
    node.state = 'gone';
  }

  /** A suspected node loses its place. One that is being probed may yet answer, and be needed elsewhere. */
  private parkSuspected(node: KnownNode): void {
    const { core } = this;
    if (node.probe === undefined) {
      this.remembered.add(node.contact);
      return;
    }
    node.forLeafSet = core.leafSet.wouldEnter(node.nodeId, core.candidates, node.follows);
    node.state = 'candidate';
    core.candidates.add(node);
  }

  private placePushedOut(pushedOut: readonly KnownNode[]): void {
    for (const node of pushedOut) {
      if (!node.inTable && node.state === 'live') this.offerToTable(node);
      this.release(node);
    }
  }
}
