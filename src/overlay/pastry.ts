/**
 * Pastry's geometry (Rowstron and Druschel, 2001): a ring for the leaf set, hex prefixes for the table, closeness
 * by numerical distance with ties going clockwise. All of it is pure functions of ids.
 */

import { assert } from '../base/assert.ts';
import type { Contact } from '../id/contact.ts';
import { DIGIT_VALUES, IdSpace, type IdBits, type Key, type NodeId } from '../id/id-space.ts';
import type { KeyInterval } from '../id/interval.ts';
import type { Geometry } from './geometry.ts';

export class PastryGeometry implements Geometry {
  readonly space: IdSpace;
  readonly rows: number;
  readonly columns = DIGIT_VALUES;

  constructor(bits: IdBits) {
    this.space = new IdSpace(bits);
    this.rows = this.space.digits;
  }

  compare(key: Key, a: NodeId, b: NodeId): number {
    return this.space.compareByCloseness(key, a, b);
  }

  row(self: NodeId, other: NodeId): number {
    return this.space.sharedDigits(self, other);
  }

  column(row: number, other: NodeId): number {
    return this.space.digit(other, row);
  }

  progresses(self: NodeId, candidate: NodeId, key: Key): boolean {
    const space = this.space;
    return (
      space.distance(candidate, key) < space.distance(self, key) &&
      space.sharedDigits(candidate, key) >= space.sharedDigits(self, key)
    );
  }

  /** Halfway to each neighbour; a key in the very middle belongs to the node clockwise of it. */
  intervals(self: NodeId, predecessor: NodeId | undefined, successor: NodeId | undefined): readonly KeyInterval[] {
    if (predecessor === undefined || successor === undefined) return [{ from: self, to: self }];
    const space = this.space;
    const before = Math.ceil(space.clockwise(predecessor, self) / 2);
    const after = Math.ceil(space.clockwise(self, successor) / 2);
    return [
      { from: space.position((predecessor + before) % space.size), to: space.position((self + after) % space.size) },
    ];
  }

  replicaSet(key: Key, k: number, members: readonly Contact[]): readonly Contact[] {
    assert(Number.isInteger(k) && k >= 1, 'a replica set has at least one member');
    return members.toSorted((a, b) => this.compare(key, a.nodeId, b.nodeId)).slice(0, k);
  }

  /** The middle of the largest gap; of equal gaps the one after the lowest id. */
  newcomerId(taken: readonly NodeId[]): NodeId | undefined {
    const { space } = this;
    if (taken.length === 0) return space.position(0);
    const sorted = [...new Set(taken)].sort((a, b) => a - b);
    let widest = 0;
    let start = 0;
    for (const [index, id] of sorted.entries()) {
      const next = sorted[(index + 1) % sorted.length] ?? id;
      const gap = sorted.length === 1 ? space.size : space.clockwise(id, next);
      if (gap > widest) {
        widest = gap;
        start = id;
      }
    }
    return widest < 2 ? undefined : space.position((start + Math.floor(widest / 2)) % space.size);
  }
}
