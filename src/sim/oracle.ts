/**
 * Knows the truth about the ring (who is alive and has joined) and only judges: nothing it knows ever reaches a
 * node. Deliberately naive code, by brute force over a sorted list, so that it shares no mistake with the overlay.
 */

import type { IdSpace, Key, NodeId } from '../id/id-space.ts';

export class Oracle {
  private readonly space: IdSpace;
  /** Ids of the live, active nodes, ascending. */
  private readonly ids: NodeId[] = [];

  constructor(space: IdSpace) {
    this.space = space;
  }

  get size(): number {
    return this.ids.length;
  }

  add(id: NodeId): void {
    const index = this.firstNotBelow(id);
    if (this.ids[index] !== id) this.ids.splice(index, 0, id);
  }

  remove(id: NodeId): void {
    const index = this.firstNotBelow(id);
    if (this.ids[index] === id) this.ids.splice(index, 1);
  }

  has(id: NodeId): boolean {
    return this.ids[this.firstNotBelow(id)] === id;
  }

  /** The closest live node: one of the two around the key. */
  root(key: Key): NodeId | undefined {
    if (this.ids.length === 0) return undefined;
    const index = this.firstNotBelow(key);
    const after = this.at(index);
    const before = this.at(index - 1);
    const distanceAfter = (after - key + this.space.size) % this.space.size;
    const distanceBefore = (key - before + this.space.size) % this.space.size;
    const nearAfter = Math.min(distanceAfter, this.space.size - distanceAfter);
    const nearBefore = Math.min(distanceBefore, this.space.size - distanceBefore);
    return nearAfter <= nearBefore ? after : before;
  }

  /** The ids that a leaf set of 2 × half should hold, ascending. */
  leafSet(self: NodeId, half: number): NodeId[] {
    const index = this.firstNotBelow(self);
    const others = this.ids.length - 1;
    const members = new Set<NodeId>();
    for (let i = 1; i <= Math.min(half, others); i++) {
      members.add(this.at(index + i));
      members.add(this.at(index - i));
    }
    return [...members].sort((a, b) => a - b);
  }

  private at(index: number): NodeId {
    const { length } = this.ids;
    return this.ids[((index % length) + length) % length] as NodeId;
  }

  private firstNotBelow(id: number): number {
    let low = 0;
    let high = this.ids.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ids[middle] as number) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
