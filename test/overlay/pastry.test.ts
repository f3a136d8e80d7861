import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Key, NodeId } from '../../src/id/id-space.ts';
import { intervalContains } from '../../src/id/interval.ts';
import { PastryGeometry } from '../../src/overlay/pastry.ts';
import { contactOf } from './helpers.ts';
import { RingModel, WIDTHS } from './ring-model.ts';

describe.each(WIDTHS)('on a ring of %i bits', (bits) => {
  const geometry = new PastryGeometry(bits);
  const { space } = geometry;
  const model = new RingModel(bits);
  const { position } = model;
  const compare = (key: Key, a: NodeId, b: NodeId): number => Math.sign(geometry.compare(key, a, b));
  const mirrored = (key: Key, id: NodeId): NodeId => ((2 * key - id + 2 * space.size) % space.size) as NodeId;

  it('closeness is a total order: antisymmetric, transitive, and equal only for the same id', () => {
    fc.assert(
      fc.property(position, position, position, position, (key, a, b, c) => {
        expect(compare(key, a, b)).toBe(0 - compare(key, b, a));
        expect(compare(key, a, b) === 0).toBe(a === b);
        if (compare(key, a, b) < 0 && compare(key, b, c) < 0) expect(compare(key, a, c)).toBe(-1);
      }),
    );
  });

  it('a tie goes to the clockwise one, across the wrap too', () => {
    fc.assert(
      fc.property(position, fc.integer({ min: 1, max: space.size / 2 - 1 }), (key, step) => {
        const ahead = ((key + step) % space.size) as NodeId;
        expect(compare(key, ahead, mirrored(key, ahead))).toBe(-1);
      }),
    );
  });

  it('distance, shared digits and closeness are those of the model', () => {
    fc.assert(
      fc.property(position, model.ids(30), (key, ids) => {
        const tied = [...new Set([...ids, ...ids.map((id) => mirrored(key, id))])];
        expect(tied.toSorted((a, b) => geometry.compare(key, a, b))).toEqual(model.ranked(key, tied));
        for (const id of ids) {
          expect(space.distance(id, key)).toBe(model.distance(key, id));
          expect(geometry.row(id, key)).toBe(model.shared(id, key));
        }
      }),
    );
  });

  it('a table slot holds exactly those that share its row of digits and have its next one', () => {
    fc.assert(
      fc.property(position, position, (self, other) => {
        const row = geometry.row(self, other);
        if (row === geometry.rows) return;
        expect(geometry.column(row, other)).not.toBe(geometry.column(row, self));
        expect(space.format(other)[row]).toBe(geometry.column(row, other).toString(16));
      }),
    );
  });

  it('a step towards a key loses no digit and gains nearness', () => {
    fc.assert(
      fc.property(position, model.ids(12, 2), (key, [self = key, ...others]) => {
        for (const id of others) {
          const isNearer = model.distance(key, id) < model.distance(key, self);
          const keepsDigits = model.shared(id, key) >= model.shared(self, key);
          expect(geometry.progresses(self, id, key)).toBe(isNearer && keepsDigits);
        }
      }),
    );
  });

  it('a replica set is the first k of the order, root first, for any members', () => {
    fc.assert(
      fc.property(position, fc.integer({ min: 1, max: 8 }), model.ids(40), (key, k, ids) => {
        const members = ids.map((id) => contactOf(id));
        const set = geometry.replicaSet(key, k, members);
        expect(set.map((contact) => contact.nodeId)).toEqual(model.ranked(key, ids).slice(0, k));
      }),
    );
  });

  it('the intervals of all nodes give each key to exactly one, which is its root', () => {
    fc.assert(
      fc.property(model.ids(40), fc.array(position, { minLength: 1, maxLength: 20 }), (ids, keys) => {
        const middles = ids.map((id) => Math.floor((id + (model.around(id, ids)[0] ?? id)) / 2) as Key);
        const intervalsOf = (id: NodeId) =>
          geometry.intervals(id, model.around(id, ids, -1)[0], model.around(id, ids)[0]);
        for (const key of [...keys, ...ids, ...middles]) {
          const owners = ids.filter((id) => intervalsOf(id).some((interval) => intervalContains(space, interval, key)));
          expect(owners).toEqual([model.root(key, ids)]);
        }
      }),
    );
  });
});

describe('newcomerId', () => {
  const geometry = new PastryGeometry(16);

  it('never gives an id twice, and keeps the largest gap below twice the smallest but one', () => {
    const taken: NodeId[] = [];
    for (let i = 0; i < 300; i++) {
      const id = geometry.newcomerId(taken);
      expect(id).toBeDefined();
      expect(taken).not.toContain(id);
      if (id !== undefined) taken.push(id);
    }
    const sorted = taken.toSorted((a, b) => a - b);
    const gaps = sorted.map((id, i) => ((sorted[(i + 1) % sorted.length] ?? 0) - id + 2 ** 16) % 2 ** 16);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * Math.min(...gaps));
  });

  it('says when the ring is full', () => {
    const all = Array.from({ length: 2 ** 16 }, (_, id) => id as NodeId);
    expect(geometry.newcomerId(all)).toBeUndefined();
    expect(geometry.newcomerId(all.filter((id) => id !== 0x1234))).toBe(0x1234);
  });
});
