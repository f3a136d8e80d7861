/**
 * Who should hold copies of which keys, as one node sees it: the k closest of those that are there and of those that
 * are away but expected back. A node that died or stopped counts for the repair delay, so that a reboot moves nothing;
 * one that said goodbye for good does not count, nor does one that is handing its files over to go.
 *
 * The replica set of a key is a window of k neighbours on the ring. So the keys of one node reach, on either side,
 * halfway to its k-th neighbour, which is the very rule by which a root's keys reach halfway to its first.
 */

import type { Contact } from '../id/contact.ts';
import type { IdSpace, Key, NodeId } from '../id/id-space.ts';
import { intervalContains, type KeyInterval } from '../id/interval.ts';
import type { Geometry } from './geometry.ts';

export type ReplicaViewChange = {
  /** Nodes that were not there before, or come back. */
  readonly appeared: readonly Contact[];
  /** This node is to hold copies of more keys than before. */
  readonly grew: boolean;
};

type Absence = { readonly contact: Contact; readonly untilMs: number };

export class ReplicaView {
  readonly self: Contact;
  private readonly geometry: Geometry;
  private readonly repairDelayMs: number;
  private live = new Map<NodeId, Contact>();
  private readonly absences = new Map<NodeId, Absence>();
  private readonly leaving = new Map<NodeId, number>();
  private readonly intervalsByCount = new Map<number, readonly KeyInterval[]>();

  constructor(geometry: Geometry, self: Contact, repairDelayMs: number) {
    this.geometry = geometry;
    this.self = self;
    this.repairDelayMs = repairDelayMs;
  }

  /** Nodes known from an earlier run, which may be about to come back, too. */
  expect(contacts: readonly Contact[], now: number): void {
    for (const contact of contacts) if (!this.live.has(contact.nodeId)) this.miss(contact, now);
    this.intervalsByCount.clear();
  }

  /**
   * Takes in the neighbours as they are now.
   *
   * @param gone known nodes that are away and did not say that it is for good
   * @param counts the numbers of copies that matter for `grew`
   */
  update(
    neighbours: readonly Contact[],
    gone: readonly Contact[],
    counts: readonly number[],
    now: number,
  ): ReplicaViewChange {
    const before = this.live;
    const held = counts.map((k) => this.intervals(k));
    this.live = new Map(neighbours.map((contact) => [contact.nodeId, contact]));
    const goneIds = new Set(gone.map(({ nodeId }) => nodeId));
    const appeared = neighbours.filter(({ nodeId, peerId }) => before.get(nodeId)?.peerId !== peerId);
    for (const contact of before.values()) {
      if (!this.live.has(contact.nodeId) && goneIds.has(contact.nodeId)) this.miss(contact, now);
    }
    for (const { nodeId } of neighbours) this.absences.delete(nodeId);
    this.intervalsByCount.clear();
    return { appeared, grew: this.hasGrown(counts, held) };
  }

  /**
   * It hands its files over before it goes: from now until then it does not count. True: this node is to hold copies
   * of more keys than before.
   */
  markLeaving(nodeId: NodeId, untilMs: number, counts: readonly number[]): boolean {
    const held = counts.map((k) => this.intervals(k));
    this.leaving.set(nodeId, untilMs);
    this.intervalsByCount.clear();
    return this.hasGrown(counts, held);
  }

  /** Takes in that time has passed. True: this node is to hold copies of more keys than before. */
  expire(counts: readonly number[], now: number): boolean {
    const held = counts.map((k) => this.intervals(k));
    for (const [nodeId, { untilMs }] of this.absences) if (untilMs <= now) this.absences.delete(nodeId);
    for (const [nodeId, untilMs] of this.leaving) if (untilMs <= now) this.leaving.delete(nodeId);
    this.intervalsByCount.clear();
    return this.hasGrown(counts, held);
  }

  /** When `expire` will have something to do. */
  nextExpiryMs(): number {
    return Math.min(...Array.from(this.absences.values(), ({ untilMs }) => untilMs), ...this.leaving.values());
  }

  /** Those away that are expected back. */
  absent(): readonly Contact[] {
    return Array.from(this.absences.values(), ({ contact }) => contact);
  }

  neighbours(): readonly Contact[] {
    return [...this.live.values()];
  }

  /** The k closest of those that are there, this node included, and nobody who is leaving. */
  present(key: Key, k: number): readonly Contact[] {
    return this.geometry.replicaSet(key, k, this.staying([this.self, ...this.live.values()]));
  }

  /** The k closest of those that are there or expected back. */
  expected(key: Key, k: number): readonly Contact[] {
    return this.geometry.replicaSet(key, k, this.staying(this.all()));
  }

  /** This node is to hold a copy. */
  isExpectedHolder(key: Key, k: number): boolean {
    return this.intervals(k).some((interval) => intervalContains(this.geometry.space, interval, key));
  }

  /** The keys of which this node is to hold one of k copies. */
  intervals(k: number): readonly KeyInterval[] {
    const known = this.intervalsByCount.get(k);
    if (known !== undefined) return known;
    const { geometry, self } = this;
    const { space } = geometry;
    const others = this.staying(this.all()).filter(({ nodeId }) => nodeId !== self.nodeId);
    const clockwise = others
      .map(({ nodeId }) => nodeId)
      .sort((a, b) => space.clockwise(self.nodeId, a) - space.clockwise(self.nodeId, b));
    // With no more than k nodes there is no k-th neighbour, and each holds everything.
    const enough = clockwise.length >= k;
    const successor = enough ? clockwise[k - 1] : undefined;
    const predecessor = enough ? clockwise.at(-k) : undefined;
    const intervals = geometry.intervals(self.nodeId, predecessor, successor);
    this.intervalsByCount.set(k, intervals);
    return intervals;
  }

  private hasGrown(counts: readonly number[], before: readonly (readonly KeyInterval[])[]): boolean {
    const { space } = this.geometry;
    return counts.some((k, index) =>
      this.intervals(k).some((now) => before[index]?.some((then) => covers(space, then, now)) !== true),
    );
  }

  private miss(contact: Contact, now: number): void {
    if (this.repairDelayMs > 0 && contact.nodeId !== this.self.nodeId) {
      this.absences.set(contact.nodeId, { contact, untilMs: now + this.repairDelayMs });
    }
  }

  private all(): readonly Contact[] {
    return [this.self, ...this.live.values(), ...this.absent()];
  }

  private staying(contacts: readonly Contact[]): readonly Contact[] {
    return this.leaving.size === 0 ? contacts : contacts.filter(({ nodeId }) => !this.leaving.has(nodeId));
  }
}

function covers(space: IdSpace, outer: KeyInterval, inner: KeyInterval): boolean {
  const lengthOf = ({ from, to }: KeyInterval) => (from === to ? space.size : space.clockwise(from, to));
  return outer.from === outer.to || space.clockwise(outer.from, inner.from) + lengthOf(inner) <= lengthOf(outer);
}
