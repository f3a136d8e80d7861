import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { randomBelow, seededRandom } from '../../src/base/random.ts';
import { DEFAULT_ID_BITS, IdSpace } from '../../src/id/id-space.ts';
import { SLOT_COUNT, keyOfName, slotOfName } from '../../src/id/key.ts';
import type { SlotRange } from '../../src/id/key.ts';
import type { StorageDirectory } from '../../src/store/storage-directory.ts';
import { encodeVersion } from '../../src/wire/version-bytes.ts';
import type { SignedRecord } from '../../src/wire/record.ts';
import { content, recordOf, stage, temporaryDirectory, withStorage } from './samples.ts';

const WHOLE: SlotRange = { from: 0, to: 0 };
const SEED = 20_260_801;

/** Slot and name of each by another way than the index goes. */
function isIn({ from, to }: SlotRange, name: string): boolean {
  const slot = createHash('sha256').update(name).digest().readUInt16BE(0);
  return from < to ? from <= slot && slot < to : slot >= from || slot < to;
}

function expectedSummary(records: readonly SignedRecord[], range: SlotRange) {
  const digest = Buffer.alloc(8);
  const inside = records.filter(({ name }) => isIn(range, name));
  for (const { name, version, tombstone } of inside) {
    const hash = createHash('sha256')
      .update(encodeVersion(version))
      .update(Uint8Array.of(tombstone ? 1 : 0));
    const bytes = hash.update(name).digest();
    for (let i = 0; i < 8; i++) digest[i] = (digest[i] ?? 0) ^ (bytes[i] ?? 0);
  }
  return { count: inside.length, digest: new Uint8Array(digest) };
}

function expectedOrder(records: readonly SignedRecord[], range: SlotRange): string[] {
  const distance = (name: string) => (slotOfName(name) - range.from + SLOT_COUNT) % SLOT_COUNT;
  const inside = records.map(({ name }) => name).filter((name) => isIn(range, name));
  return inside.sort((a, b) => distance(a) - distance(b) || Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

const ranges: SlotRange[] = [
  WHOLE,
  { from: 40_000, to: 40_000 },
  { from: 0, to: 1000 },
  { from: 20_000, to: 50_000 },
  { from: 50_000, to: 20_000 },
  { from: 65_535, to: 0 },
  { from: 65_535, to: 1 },
];

/** Compares all that the directory says with what is to be there. */
async function check(storage: StorageDirectory, records: readonly SignedRecord[]): Promise<void> {
  const replicas = [...new Set(records.map((record) => record.replicas))].sort((a, b) => a - b);
  expect(storage.replicaCounts()).toEqual(replicas);
  for (const k of [...replicas, 63]) {
    const mine = records.filter((record) => record.replicas === k);
    expect(storage.summarize(k, ranges)).toEqual(ranges.map((range) => expectedSummary(mine, range)));
    for (const range of ranges) {
      const names: string[] = [];
      for (let more = true; more;) {
        const after = names.at(-1);
        const page = await storage.heldIn(k, range, { limit: 7, ...(after === undefined ? {} : { after }) });
        expect(page.held.length).toBeLessThanOrEqual(7);
        for (const { name, version, tombstone } of page.held) {
          const record = mine.find((one) => one.name === name);
          expect({ version, tombstone }).toEqual({ version: record?.version, tombstone: record?.tombstone });
          names.push(name);
        }
        more = page.more;
      }
      expect(names).toEqual(expectedOrder(mine, range));
    }
  }
  const files = records.filter(({ tombstone }) => !tombstone);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  expect(storage.totals).toEqual({ files: files.length, tombstones: records.length - files.length, bytes });
}

/** Stores, overwrites (with other numbers of replicas, too) and removes; what is there in the end. */
async function fill(storage: StorageDirectory, operations: number): Promise<SignedRecord[]> {
  const random = seededRandom(SEED);
  const present = new Map<string, SignedRecord>();
  for (let i = 0; i < operations; i++) {
    const name = `é ${String(randomBelow(random, operations / 2))}`;
    const bytes = content(randomBelow(random, 4) * 3000);
    const tombstone = randomBelow(random, 4) === 0;
    const replicas = 1 + randomBelow(random, 3);
    const counter = (present.get(name)?.version.counter ?? 0) + 1;
    const record = recordOf(name, counter, tombstone ? new Uint8Array(0) : bytes, { replicas, tombstone });
    if (tombstone) await storage.commitTombstone(record);
    else await storage.commit(await stage(storage, bytes), record);
    present.set(name, record);
  }
  return [...present.values()];
}

describe('what is held by place on the ring', () => {
  it('has as slot the key of a ring of 16 bits', () => {
    const space = new IdSpace(DEFAULT_ID_BITS);
    for (const name of ['a', 'é', '日本', 'x'.repeat(1000)]) expect(slotOfName(name)).toBe(keyOfName(space, name));
  });

  it('follows stores, overwrites with another number of replicas and removals, and is the same after a restart', async () => {
    await temporaryDirectory(async (path) => {
      const records = await withStorage(path, async (storage) => {
        const stored = await fill(storage, 120);
        await check(storage, stored);
        return stored;
      });
      await withStorage(path, (storage) => check(storage, records));
    });
  });

  it('is the same in two directories that got the same in another order, until one gets another version', async () => {
    await temporaryDirectory(async (path) => {
      const bytes = content(10);
      const records = Array.from({ length: 9 }, (_, i) => recordOf(`name ${String(i)}`, 1, bytes));
      const digestOf = (directory: string, order: readonly SignedRecord[]) =>
        withStorage(join(path, directory), async (storage) => {
          for (const record of order) await storage.commit(await stage(storage, bytes), record);
          return storage.summarize(1, [WHOLE])[0]?.digest;
        });
      const digest = await digestOf('a', records);
      expect(await digestOf('b', records.toReversed())).toEqual(digest);
      expect(await digestOf('c', [...records.slice(1), recordOf('name 0', 1, bytes)])).not.toEqual(digest);
    });
  });

  it('is empty behind a name that is not in the range', async () => {
    await temporaryDirectory((path) =>
      withStorage(path, async (storage) => {
        const bytes = content(5);
        await storage.commit(await stage(storage, bytes), recordOf('name', 1, bytes));
        const slot = slotOfName('name');
        const range = { from: slot, to: slot + 1 };
        const other = Array.from({ length: 99 }, (_, i) => `x${String(i)}`).find((name) => slotOfName(name) !== slot);
        expect(await storage.heldIn(1, range, { limit: 9, after: other ?? '' })).toEqual({ held: [], more: false });
        expect((await storage.heldIn(1, range, { limit: 9 })).held).toHaveLength(1);
      }),
    );
  });
});

describe('a directory of the layout without slots', () => {
  /** What the former program left: records, and no slots. */
  async function toFormerLayout(path: string): Promise<void> {
    const database = new ClassicLevel(join(path, 'catalog'));
    await database.clear({ gte: 'slot:', lt: 'slot;' });
    await database.put('schema', '1');
    await database.close();
  }

  it('gets them when it is opened', async () => {
    await temporaryDirectory(async (path) => {
      const records = await withStorage(path, (storage) => fill(storage, 40));
      await toFormerLayout(path);
      await withStorage(path, (storage) => check(storage, records));
      await withStorage(path, (storage) => check(storage, records));
    });
  });

  it('loses the slots of an attempt that was broken off, after which the former program went on', async () => {
    await temporaryDirectory(async (path) => {
      const former = join(path, 'former');
      const records = await withStorage(former, (storage) => fill(storage, 40));
      const database = new ClassicLevel(join(former, 'catalog'));
      await database.put('slot:010000gone', 'x'.repeat(33));
      await database.put('schema', '1');
      await database.close();
      await withStorage(former, (storage) => check(storage, records));
    });
  });
});
