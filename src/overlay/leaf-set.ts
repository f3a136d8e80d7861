/**
 * The l nearest known nodes clockwise and the l nearest counterclockwise (Pastry, 2.3). Two halves, nearest first.
 * On a ring of at most 2l others, some stand in both: the halves overlap, and the whole ring is known. A short
 * half without overlap means a gap that repair has to close, never a small ring.
 *
 * A suspected member takes no place: the next one beyond is taken in while the suspicion is being settled, so that
 * a death, once it is certain, leaves no gap. Whoever turns out to be alive pushes that one out again (`trim`).
 */

import type { IdSpace, NodeId, Position } from '../id/id-space.ts';
import type { KnownNode } from './known-node.ts';
import { HALVES, type Half, type Side } from './side.ts';

const NOBODY: readonly KnownNode[] = [];

export class LeafSet {
  readonly half: number;
  /** Nearest first. */
  readonly clockwise: KnownNode[] = [];
  readonly counterclockwise: KnownNode[] = [];
  private readonly space: IdSpace;
  private readonly self: NodeId;
  private distinct: readonly KnownNode[] | undefined = undefined;
  /** Distances to the last of each half; Infinity while it is short. */
  private reachCw = Infinity;
  private reachCcw = Infinity;

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

  /**
   * Puts a node where it belongs; returns those that it pushed out, or undefined when it did not belong.
   *
   * @param follows on which side it may be put behind the last member of a short half; see `Side`
   */
  insert(node: KnownNode, follows: Side = 'both'): readonly KnownNode[] | undefined {
    const halves = HALVES.filter((side) => !this[side].includes(node) && this.room(side, node.nodeId, follows) > 0);
    if (halves.length === 0) return undefined;
    for (const side of halves) this.insertInto(side, node);
    node.inLeafSet = true;
    this.changed();
    return this.trim();
  }

  /** Cuts each half off behind its l-th member that is not suspected; returns those that stand in neither any more. */
  trim(): readonly KnownNode[] {
    if (this.clockwise.length <= this.half && this.counterclockwise.length <= this.half) return NOBODY;
    const dropped = [...this.cut(this.clockwise), ...this.cut(this.counterclockwise)];
    if (dropped.length === 0) return dropped;
    this.changed();
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
    this.changed();
    return true;
  }

  /** Whether a node would get in, if those on probation were members already. */
  wouldEnter(id: NodeId, candidates: Iterable<KnownNode>, follows: Side = 'both'): boolean {
    let roomCw = this.room('clockwise', id, follows);
    let roomCcw = this.room('counterclockwise', id, follows);
    if (roomCw <= 0 && roomCcw <= 0) return false;
    const cw = this.space.clockwise(this.self, id);
    for (const candidate of candidates) {
      if (!candidate.forLeafSet) continue;
      if (this.space.clockwise(this.self, candidate.nodeId) < cw) roomCw -= 1;
      else roomCcw -= 1;
    }
    return roomCw > 0 || roomCcw > 0;
  }

  /** The last member of a half that is not full, the node itself if it is empty; undefined when it is full. */
  openEnd(side: Half, suspectedAreGone: boolean): NodeId | undefined {
    const half = suspectedAreGone ? this[side].filter((node) => node.state !== 'suspected') : this[side];
    return half.length < this.half ? (half.at(-1)?.nodeId ?? this.self) : undefined;
  }

  /** The half in whose direction a position lies. */
  sideOf(id: NodeId): Half {
    return 2 * this.space.clockwise(this.self, id) <= this.space.size ? 'clockwise' : 'counterclockwise';
  }

  isFartherOut(side: Half, id: NodeId, other: NodeId): boolean {
    return this.away(side, id) > this.away(side, other);
  }

  /** Farther out than the last of either half, both full: nothing that is said of it changes this set. */
  isBeyond(id: NodeId): boolean {
    const cw = this.space.clockwise(this.self, id);
    return cw > this.reachCw && this.space.size - cw > this.reachCcw;
  }

  /** Some node stands in both halves: every node of the ring is a member. */
  overlaps(): boolean {
    return this.members().length < this.clockwise.length + this.counterclockwise.length;
  }

  /** Full on both sides, or the whole ring (which a node alone is, too). */
  isComplete(): boolean {
    const { clockwise, counterclockwise, half } = this;
    if (clockwise.length >= half && counterclockwise.length >= half) return true;
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

  private insertInto(side: Half, node: KnownNode): void {
    const half = this[side];
    const distance = this.away(side, node.nodeId);
    const index = half.findIndex((other) => this.away(side, other.nodeId) > distance);
    half.splice(index < 0 ? half.length : index, 0, node);
  }

  /** How many more would find a place in a half at least as far out as this one; suspected members take none. */
  private room(side: Half, id: NodeId, follows: Side): number {
    const half = this[side];
    const distance = this.away(side, id);
    let index = 0;
    let usable = 0;
    for (const node of half) {
      if (this.away(side, node.nodeId) >= distance) break;
      index += 1;
      if (node.state !== 'suspected') usable += 1;
    }
    // Anybody may begin a set; a half that was lost from one begins anew like any other end.
    const begins = index === 0 && this.members().length < this.half;
    const mayStandLast = index < half.length || begins || follows === 'both' || follows === side;
    return mayStandLast || this.overlaps() ? this.half - usable : 0;
  }

  private away(side: Half, id: NodeId): number {
    return side === 'clockwise' ? this.space.clockwise(this.self, id) : this.space.clockwise(id, this.self);
  }

  private changed(): void {
    this.distinct = undefined;
    const { clockwise, counterclockwise, half, self, space } = this;
    const lastCw = clockwise.length < half ? undefined : clockwise.at(-1);
    const lastCcw = counterclockwise.length < half ? undefined : counterclockwise.at(-1);
    this.reachCw = lastCw === undefined ? Infinity : space.clockwise(self, lastCw.nodeId);
    this.reachCcw = lastCcw === undefined ? Infinity : space.clockwise(lastCcw.nodeId, self);
  }

  private cut(half: KnownNode[]): KnownNode[] {
    if (half.length <= this.half) return [];
    let count = 0;
    const end = half.findIndex((node) => node.state !== 'suspected' && ++count === this.half);
    return end < 0 ? [] : half.splice(end + 1);
  }
}
