import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdSpace, type IdBits, type Key, type NodeId } from '../../src/id/id-space.ts';
import { intervalContains } from '../../src/id/interval.ts';
import { PastryGeometry } from '../../src/overlay/pastry.ts';
import { ReplicaView } from '../../src/overlay/replica-view.ts';
import { contactOf } from './helpers.ts';

const RING_MAX = 20;
const COUNTS = [1, 2, 3, 5];
const REPAIR_DELAY_MS = 1_000;

/** By the one order of closeness alone: self is among the k closest of these. */
function isHolder(space: IdSpace, self: NodeId, others: Iterable<NodeId>, key: Key, k: number): boolean {
  let closer = 0;
  for (const other of others) if (other !== self && space.compareByCloseness(key, other, self) < 0) closer++;
  return closer < k;
}

/** Between any two of these neighbouring keys nothing changes: the middles between self and each other, and around. */
function tellingKeys(space: IdSpace, self: NodeId, others: Iterable<NodeId>): Key[] {
  const keys = new Set<number>([self]);
  for (const other of others) {
    for (const [from, to] of [
      [self, other],
      [other, self],
    ] as const) {
      const middle = from + Math.floor(space.clockwise(from, to) / 2);
      for (let step = -2; step <= 2; step++) keys.add((middle + step + space.size) % space.size);
    }
  }
  return Array.from(keys, (key) => space.position(key));
}

/** Ids from all over the ring, or crowded around one place, the wrap included. */
function idsIn(space: IdSpace): fc.Arbitrary<NodeId[]> {
  const anywhere = fc.nat(space.size - 1);
  const crowded = fc.integer({ min: -15, max: 15 }).map((step) => (step + space.size) % space.size);
  const ids = (id: fc.Arbitrary<number>) => fc.uniqueArray(id, { minLength: 1, maxLength: RING_MAX });
  return fc
    .oneof(ids(anywhere), ids(crowded), ids(fc.oneof(anywhere, crowded)))
    .map((list) => list.map((id) => space.position(id)));
}

function contactsOf(ids: readonly NodeId[]) {
  return ids.map((id) => contactOf(id));
}

/** What a view must know, kept by hand. */
class Model {
  live = new Set<NodeId>();
  readonly absentUntil = new Map<NodeId, number>();
  readonly leavingUntil = new Map<NodeId, number>();
  readonly #self: NodeId;

  constructor(self: NodeId) {
    this.#self = self;
  }

  get counting(): NodeId[] {
    const all = new Set([...this.live, ...this.absentUntil.keys()]);
    return [...all].filter((id) => id !== this.#self && !this.leavingUntil.has(id));
  }

  update(live: readonly NodeId[], gone: ReadonlySet<NodeId>, now: number): void {
    for (const id of this.live) {
      if (!live.includes(id) && gone.has(id)) this.absentUntil.set(id, now + REPAIR_DELAY_MS);
    }
    this.live = new Set(live);
    for (const id of live) this.absentUntil.delete(id);
  }

  expire(now: number): void {
    for (const times of [this.absentUntil, this.leavingUntil]) {
      for (const [id, until] of times) if (until <= now) times.delete(id);
    }
  }
}

type Step =
  | { readonly type: 'update'; readonly there: readonly boolean[]; readonly forGood: readonly boolean[] }
  | { readonly type: 'leaving'; readonly index: number }
  | { readonly type: 'expire' };

const flags = fc.array(fc.boolean(), { minLength: RING_MAX, maxLength: RING_MAX });
const step: fc.Arbitrary<Step & { readonly afterMs: number }> = fc
  .oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant('update' as const), there: flags, forGood: flags }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('leaving' as const), index: fc.nat(RING_MAX) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('expire' as const) }) },
  )
  .chain((one) => fc.constantFrom(0, 1, 400, REPAIR_DELAY_MS).map((afterMs) => ({ ...one, afterMs })));

describe.each<IdBits>([16, 32])('with ids of %d bits', (bits) => {
  const space = new IdSpace(bits);

  it('says that it holds exactly the keys of which it is one of the k closest', () => {
    fc.assert(
      fc.property(idsIn(space), fc.integer({ min: 1, max: 8 }), fc.array(fc.nat(space.size - 1)), (ids, k, more) => {
        const [self = space.position(0), ...others] = ids;
        const view = new ReplicaView(new PastryGeometry(bits), contactOf(self), 0);
        view.update(contactsOf(others), [], [k], 0);
        const keys = [...tellingKeys(space, self, others), ...more.map((key) => space.position(key))];
        for (const key of keys) {
          const held = isHolder(space, self, others, key, k);
          expect(view.isExpectedHolder(key, k), `${space.format(key)} for ${space.format(self)}`).toBe(held);
          expect(view.intervals(k).some((interval) => intervalContains(space, interval, key))).toBe(held);
          expect(view.expected(key, k).some(({ nodeId }) => nodeId === self)).toBe(held);
          expect(view.present(key, k).some(({ nodeId }) => nodeId === self)).toBe(held);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('counts those who are away until the repair delay is over, and nobody who has left or is about to', () => {
    fc.assert(
      fc.property(idsIn(space), fc.array(step, { minLength: 1, maxLength: 12 }), (ids, steps) => {
        const [self = space.position(0), ...others] = ids;
        const view = new ReplicaView(new PastryGeometry(bits), contactOf(self), REPAIR_DELAY_MS);
        const model = new Model(self);
        const keys = tellingKeys(space, self, others);
        const heldNow = () => COUNTS.map((k) => keys.map((key) => isHolder(space, self, model.counting, key, k)));
        let now = 0;
        for (const { afterMs, ...one } of steps) {
          now += afterMs;
          const before = heldNow();
          const grew = takeStep(view, model, others, one, now);
          const after = heldNow();
          const grown = after.some((held, count) => held.some((is, key) => is && before[count]?.[key] === false));
          expect(grew, one.type).toBe(grown);
          for (const [count, k] of COUNTS.entries()) {
            expect(keys.map((key) => view.isExpectedHolder(key, k))).toEqual(after[count]);
          }
          expect(
            view
              .absent()
              .map(({ nodeId }) => nodeId)
              .sort(),
          ).toEqual([...model.absentUntil.keys()].sort());
          const ends = [...model.absentUntil.values(), ...model.leavingUntil.values()];
          expect(view.nextExpiryMs()).toBe(Math.min(...ends));
        }
      }),
      { numRuns: 400 },
    );
  });
});

function takeStep(view: ReplicaView, model: Model, others: readonly NodeId[], one: Step, now: number): boolean {
  switch (one.type) {
    case 'update': {
      const live = others.filter((_, index) => one.there[index]);
      const gone = others.filter((id, index) => !live.includes(id) && one.forGood[index] !== true);
      const { grew, appeared } = view.update(contactsOf(live), contactsOf(gone), COUNTS, now);
      expect(appeared.map(({ nodeId }) => nodeId)).toEqual(live.filter((id) => !model.live.has(id)));
      model.update(live, new Set(gone), now);
      return grew;
    }
    case 'leaving': {
      const id = others[one.index];
      if (id === undefined) return false;
      model.leavingUntil.set(id, now + REPAIR_DELAY_MS);
      return view.markLeaving(id, now + REPAIR_DELAY_MS, COUNTS);
    }
    case 'expire':
      model.expire(now);
      return view.expire(COUNTS, now);
  }
}

describe('a node that comes and goes', () => {
  const space = new IdSpace(16);
  const at = (value: number) => space.position(value);
  const newView = (delayMs: number) => new ReplicaView(new PastryGeometry(16), contactOf(0), delayMs);
  const neighbours = contactsOf([at(0x4000), at(0x8000), at(0xc000)]);

  it('has appeared when another peer comes with the same id', () => {
    const view = newView(0);
    view.update(neighbours, [], COUNTS, 0);
    const successor = { ...contactOf(0x4000), peerId: 'somebody else' };
    const { appeared } = view.update([successor, ...neighbours.slice(1)], [], COUNTS, 0);
    expect(appeared).toEqual([successor]);
  });

  it('is not waited for without a repair delay', () => {
    const view = newView(0);
    view.update(neighbours, [], COUNTS, 0);
    expect(view.update(neighbours.slice(1), neighbours, COUNTS, 0).grew).toBe(true);
    expect(view.absent()).toEqual([]);
    expect(view.nextExpiryMs()).toBe(Infinity);
  });

  it('is expected back from an earlier run, unless it is there already, and self never is', () => {
    const view = newView(REPAIR_DELAY_MS);
    view.update(neighbours.slice(1), [], COUNTS, 0);
    view.expect([...neighbours, contactOf(0)], 0);
    expect(view.absent().map(({ nodeId }) => nodeId)).toEqual([0x4000]);
    expect(view.present(at(0x4000), 1)[0]?.nodeId).toBe(0x8000);
    expect(view.expected(at(0x4000), 1)[0]?.nodeId).toBe(0x4000);
    expect(view.expire(COUNTS, REPAIR_DELAY_MS - 1)).toBe(false);
    expect(view.expire(COUNTS, REPAIR_DELAY_MS)).toBe(true);
    expect(view.absent()).toEqual([]);
  });
});
