/**
 * Where copies belong, as this peer sees it: the pure view of `overlay/replica-view.ts`, kept in step with the ring
 * and the clock. What it says of a key can be relied upon only while the ring around that key is settled.
 */

import type { Contact } from '../id/contact.ts';
import type { KeyInterval } from '../id/interval.ts';
import type { IdSpace, Key } from '../id/id-space.ts';
import { SLOT_COUNT, type SlotRange } from '../id/key.ts';
import { PastryGeometry } from '../overlay/pastry.ts';
import { ReplicaView, type ReplicaViewChange } from '../overlay/replica-view.ts';
import type { Ring } from './ring.ts';

/** A peer that is leaving says so again with everything that it offers. */
const LEAVING_FOR_MS = 30_000;

export class ReplicaPlacement {
  readonly #ring: Ring;
  readonly #space: IdSpace;
  readonly #view: ReplicaView;
  readonly #counts: () => readonly number[];
  #frozen = false;

  /** @param counts the numbers of copies that matter here */
  constructor(ring: Ring, space: IdSpace, repairDelayMs: number, counts: () => readonly number[]) {
    this.#ring = ring;
    this.#space = space;
    this.#view = new ReplicaView(new PastryGeometry(space.bits), ring.self, repairDelayMs);
    this.#counts = counts;
  }

  /** Peers of an earlier run count as expected back. */
  expect(contacts: readonly Contact[]): void {
    this.#view.expect(contacts, performance.now());
  }

  /** Takes in the leaf set as it is now. */
  update(): ReplicaViewChange {
    return this.#view.update(this.#ring.leafSet(), this.#ring.knownContacts(), this.#counts(), performance.now());
  }

  /** True: this peer is to hold copies of more keys than before. */
  markLeaving(contact: Contact): boolean {
    return this.#view.markLeaving(contact.nodeId, performance.now() + LEAVING_FOR_MS, this.#counts());
  }

  /** Takes in that time has passed. True: as for `markLeaving`. */
  expire(): boolean {
    return this.#view.expire(this.#counts(), performance.now());
  }

  /** Until `expire` has something to do; Infinity: nothing is expected. */
  get expiresInMs(): number {
    return this.#view.nextExpiryMs() - performance.now();
  }

  /** The k closest peers that are there, closest first; undefined while this peer cannot be sure of them. */
  present(key: Key, k: number): readonly Contact[] | undefined {
    return this.#frozen || this.#ring.isSettledFor(key, k) ? this.nearest(key, k) : undefined;
  }

  /** The same, as well as this peer knows them. */
  nearest(key: Key, k: number): readonly Contact[] {
    return this.#view.present(key, k);
  }

  /** This peer has left the ring: what it knew last is what it hands its files over by. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Of the k peers that should hold the key, those that are away. */
  absent(key: Key, k: number): readonly Contact[] {
    const away = new Set(this.#view.absent().map(({ nodeId }) => nodeId));
    return this.#view.expected(key, k).filter(({ nodeId }) => away.has(nodeId));
  }

  /** All that are away and expected back. */
  allAbsent(): readonly Contact[] {
    return this.#view.absent();
  }

  /** A copy belongs here: for good, or while somebody is away. */
  mayHold(key: Key, k: number): boolean {
    const { self } = this.#ring;
    return (
      this.#view.isExpectedHolder(key, k) || this.#view.present(key, k).some(({ nodeId }) => nodeId === self.nodeId)
    );
  }

  /** The slots of which this peer is to hold one of k copies. */
  ownSlots(k: number): readonly SlotRange[] {
    return this.#view.intervals(k).map((interval) => this.#slots(interval));
  }

  /** All others. */
  foreignSlots(k: number): readonly SlotRange[] {
    const [own] = this.#view.intervals(k);
    if (own === undefined || own.from === own.to) return [];
    return [this.#slots({ from: own.to, to: own.from })];
  }

  /** With wider ids a slot holds many keys, and a stretch is rounded outwards. */
  #slots({ from, to }: KeyInterval): SlotRange {
    const keysPerSlot = this.#space.size / SLOT_COUNT;
    return { from: Math.floor(from / keysPerSlot), to: Math.ceil(to / keysPerSlot) % SLOT_COUNT };
  }
}
