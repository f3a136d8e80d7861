/**
 * The l nearest known nodes clockwise and the l nearest counterclockwise (Pastry, 2.3). Two halves, nearest first.
 * On a ring of at most 2l others, some stand in both: the halves overlap, and the whole ring is known. A short
 * half without overlap means a gap that repair has to close, never a small ring.
 */

import type { IdSpace, NodeId, Position } from '../id/id-space.ts';
import type { KnownNode } from './known-node.ts';

export class LeafSet {
  readonly half: number;
  /** Nearest first. */
  readonly clockwise: KnownNode[] = [];
  readonly counterclockwise: KnownNode[] = [];
  private readonly space: IdSpace;
  private readonly self: NodeId;
  private distinct: readonly KnownNode[] | undefined = undefined;

  constructor(space: IdSpace, self: NodeId, half: number) {
    this.space = space;
    this.self = self;
    this.half = half;
  }

  /** All members, each once. The array is shared until the next change. */
  members(): readonly KnownNode[] {
    this.distinct ??= [...this.clockwise, ...this.counterclockwise.filter((node) => !this.clockwise.includes(node))];
    return this.distinct;
  }

  /** Puts a node where it belongs; returns those that it pushed out, or undefined when it did not belong. */
  insert(node: KnownNode): readonly KnownNode[] | undefined {
    const dropped: KnownNode[] = [];
    const cw = this.space.clockwise(this.self, node.nodeId);
    const enteredCw = this.insertInto(
      this.clockwise,
      node,
      cw,
      (other) => this.space.clockwise(this.self, other),
      dropped,
    );
    const ccw = this.space.size - cw;
    const enteredCcw = this.insertInto(
      this.counterclockwise,
      node,
      ccw,
      (other) => this.space.clockwise(other, this.self),
      dropped,
    );
    if (!enteredCw && !enteredCcw) return undefined;
    node.inLeafSet = true;
    this.distinct = undefined;
    const out = dropped.filter((other) => !this.clockwise.includes(other) && !this.counterclockwise.includes(other));
    for (const other of out) other.inLeafSet = false;
    return out;
  }

  remove(node: KnownNode): boolean {
    if (!node.inLeafSet) return false;
    for (const half of [this.clockwise, this.counterclockwise]) {
      const index = half.indexOf(node);
      if (index >= 0) half.splice(index, 1);
    }
    node.inLeafSet = false;
    this.distinct = undefined;
    return true;
  }

  /** Whether a node would get in, if those on probation were members already. */
  wouldEnter(id: NodeId, candidates: Iterable<KnownNode>): boolean {
    const cw = this.space.clockwise(this.self, id);
    const ccw = this.space.size - cw;
    let nearerCw = countNearer(this.clockwise, (other) => this.space.clockwise(this.self, other) < cw);
    let nearerCcw = countNearer(this.counterclockwise, (other) => this.space.clockwise(other, this.self) < ccw);
    if (nearerCw >= this.half && nearerCcw >= this.half) return false;
    for (const candidate of candidates) {
      if (!candidate.forLeafSet) continue;
      const candidateCw = this.space.clockwise(this.self, candidate.nodeId);
      if (candidateCw < cw) nearerCw += 1;
      else nearerCcw += 1;
    }
    return nearerCw < this.half || nearerCcw < this.half;
  }

  /** Some node stands in both halves: every node of the ring is a member. */
  overlaps(): boolean {
    return this.members().length < this.clockwise.length + this.counterclockwise.length;
  }

  /** Full on both sides, or the whole ring (which a node alone is, too). */
  isComplete(): boolean {
    const { clockwise, counterclockwise, half } = this;
    if (clockwise.length === half && counterclockwise.length === half) return true;
    return (clockwise.length === 0 && counterclockwise.length === 0) || this.overlaps();
  }

  /** Whether a position lies between the outermost leaves, going clockwise from the outermost counterclockwise one. */
  covers(position: Position): boolean {
    const from = this.counterclockwise.at(-1);
    const to = this.clockwise.at(-1);
    if (from === undefined || to === undefined) return this.isComplete();
    if (this.overlaps()) return true;
    return this.space.clockwise(from.nodeId, position) <= this.space.clockwise(from.nodeId, to.nodeId);
  }

  /**
   * Whether every node within a distance of a position is sure to be a member: the stretch from the outermost
   * leaf to the position is at least that long on either side.
   */
  reaches(position: Position, distance: number): boolean {
    if (!this.isComplete()) return false;
    const from = this.counterclockwise.at(-1);
    const to = this.clockwise.at(-1);
    if (from === undefined || to === undefined || this.overlaps()) return true;
    if (!this.covers(position)) return false;
    return (
      this.space.clockwise(from.nodeId, position) >= distance && this.space.clockwise(position, to.nodeId) >= distance
    );
  }

  private insertInto(
    half: KnownNode[],
    node: KnownNode,
    distance: number,
    distanceOf: (id: NodeId) => number,
    dropped: KnownNode[],
  ): boolean {
    let index = half.length;
    while (index > 0) {
      const other = half[index - 1];
      if (other === undefined || other === node) return false;
      if (distanceOf(other.nodeId) < distance) break;
      index -= 1;
    }
    if (index >= this.half) return false;
    half.splice(index, 0, node);
    if (half.length > this.half) {
      const last = half.pop();
      if (last !== undefined) dropped.push(last);
    }
    return true;
  }
}

function countNearer(half: readonly KnownNode[], isNearer: (id: NodeId) => boolean): number {
  let count = 0;
  for (const node of half) {
    if (!isNearer(node.nodeId)) break;
    count += 1;
  }
  return count;
}
