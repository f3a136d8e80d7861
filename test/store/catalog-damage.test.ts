/** A catalog that is torn, lost in parts or lost altogether: the directory opens, and no file goes with it. */

import { cp, mkdir, open, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { StorageLockedError } from '../../src/base/errors.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { safePath } from '../../src/store/safe-path.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import type { SignedRecord } from '../../src/wire/record.ts';
import { content, load, recordOf, stage, store, temporaryDirectory, withStorage } from './samples.ts';

const WHOLE = { from: 0, to: 0 };

type Stored = Map<string, { record: SignedRecord; bytes: Uint8Array }>;

/** Files whose records lie in a table of the database by now, and one that lies in its log still. */
async function fill(path: string, count: number): Promise<Stored> {
  const stored: Stored = new Map();
  const add = async (storage: StorageDirectory, name: string, length: number) => {
    const bytes = content(length);
    stored.set(name, { bytes, record: await store(storage, name, 1, bytes) });
  };
  await withStorage(path, (storage) =>
    Promise.all(Array.from({ length: count }, (_, i) => add(storage, `name ${String(i)}`, 10 + (i % 2) * 9000))),
  );
  await withStorage(path, (storage) => add(storage, 'the last one', 10));
  return stored;
}

async function pathOf(directory: string, pattern: RegExp): Promise<string> {
  const name = (await readdir(directory)).find((each) => pattern.test(each));
  return join(directory, name ?? 'nothing like that');
}

async function zero(path: string, from: number, length: number): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(new Uint8Array(length), 0, length, from);
  await file.close();
}

/** Warnings, by event. */
function warnings(): { log: Log; events: string[] } {
  const events: string[] = [];
  return { events, log: { ...silentLog, warn: (event) => events.push(event) } };
}

/** Every record that is there is right, and what is not there can be adopted: nothing was lost but records. */
async function checkAndAdopt(storage: StorageDirectory, stored: Stored): Promise<number> {
  let adopted = 0;
  for (const [name, { record, bytes }] of stored) {
    const present = await storage.record(name);
    if (present === undefined) {
      expect(await storage.adopt(record, undefined)).toBe(true);
      adopted++;
    }
    expect((await load(storage, record)).equals(bytes), name).toBe(true);
  }
  const held = await storage.heldIn(1, WHOLE, { limit: 1000 });
  expect(held.held.map(({ name }) => name).sort()).toEqual([...stored.keys()].sort());
  expect(storage.totals.files).toBe(stored.size);
  return adopted;
}

describe('a damaged catalog', () => {
  const damages: [string, (catalog: string) => Promise<void>, boolean][] = [
    ['without CURRENT', (catalog) => rm(join(catalog, 'CURRENT')), false],
    ['with a torn CURRENT', (catalog) => writeFile(join(catalog, 'CURRENT'), 'MANI'), false],
    ['with a torn manifest', async (catalog) => truncate(await pathOf(catalog, /^MANIFEST/), 30), false],
    ['without a manifest', async (catalog) => rm(await pathOf(catalog, /^MANIFEST/)), false],
    ['without a table', async (catalog) => rm(await pathOf(catalog, /\.ldb$/)), true],
    ['with a truncated table', async (catalog) => truncate(await pathOf(catalog, /\.ldb$/), 1000), true],
    ['with a table of zeros', async (catalog) => zero(await pathOf(catalog, /\.ldb$/), 0, 100_000), true],
    ['with a log of zeros', async (catalog) => zero(await pathOf(catalog, /\.log$/), 0, 3000), true],
  ];

  it.each(damages)('%s is mended with what is left, and all files are there', async (_title, damage, loses) => {
    await temporaryDirectory(async (path) => {
      const stored = await fill(path, 200);
      await damage(join(path, 'catalog'));
      const { log } = warnings();
      const storage = await StorageDirectory.open(path, { log });
      expect((await checkAndAdopt(storage, stored)) > 0).toBe(loses);
      await storage.close();
      const { events, log: nextLog } = warnings();
      const again = await StorageDirectory.open(path, { log: nextLog });
      expect(events).toEqual([]);
      expect(await checkAndAdopt(again, stored)).toBe(0);
      await again.close();
    });
  });

  it('is mended anew by the next start when this one is broken off', async () => {
    await temporaryDirectory(async (path) => {
      const stored = await fill(path, 50);
      const database = new ClassicLevel(join(path, 'catalog'));
      await database.clear({ gte: 'slot:', lt: 'slot;' });
      await database.close();
      await writeFile(join(path, 'catalog-damaged'), '');
      const { events, log } = warnings();
      const storage = await StorageDirectory.open(path, { log });
      expect(await checkAndAdopt(storage, stored)).toBe(0);
      expect(events).toContain('store.catalog.repaired');
      expect(await readdir(path)).not.toContain('catalog-damaged');
      await storage.close();
    });
  });

  it('is left alone while another process has it', async () => {
    await temporaryDirectory(async (path) => {
      const stored = await fill(path, 5);
      await withStorage(path, async (storage) => {
        await writeFile(join(path, 'catalog-damaged'), '');
        const { events, log } = warnings();
        await expect(StorageDirectory.open(path, { log })).rejects.toThrow(StorageLockedError);
        expect(events).toEqual([]);
        expect(await checkAndAdopt(storage, stored)).toBe(0);
      });
    });
  });

  it('that cannot be repaired is set aside, and the files are adopted into a new one', async () => {
    await temporaryDirectory(async (path) => {
      const stored = await fill(path, 20);
      await rm(join(path, 'catalog', 'CURRENT'));
      await mkdir(join(path, 'catalog', 'CURRENT', 'something'), { recursive: true });
      const { events, log } = warnings();
      const storage = await StorageDirectory.open(path, { log });
      expect(events).toEqual(['store.catalog.damaged', 'store.catalog.beyond-repair', 'store.catalog.begun-anew']);
      expect(await readdir(join(path, 'quarantine'))).toEqual([expect.stringMatching(/^catalog-20/) as unknown]);
      expect(await checkAndAdopt(storage, stored)).toBe(stored.size);
      await storage.close();
    });
  });

  it('that is gone altogether leaves the files to be adopted', async () => {
    await temporaryDirectory(async (path) => {
      const stored = await fill(path, 20);
      await rm(join(path, 'catalog'), { recursive: true });
      await withStorage(path, async (storage) => {
        expect(storage.totals.files).toBe(0);
        expect(await checkAndAdopt(storage, stored)).toBe(stored.size);
      });
    });
  });

  it('shows while it is in use: such a record counts as absent, can be replaced, and the next start mends', async () => {
    await temporaryDirectory(async (path) => {
      const stored = await fill(path, 600);
      const table = await pathOf(join(path, 'catalog'), /\.ldb$/);
      // Records come before slot entries in a table.
      await zero(table, Math.floor((await readFile(table)).length / 3), 5000);
      const names = [...stored.keys()];
      let missing: string[] = [];
      await withStorage(path, async (storage) => {
        const found = await Promise.all(names.map((name) => storage.record(name)));
        missing = names.filter((_, i) => found[i] === undefined);
        expect(missing.length).toBeGreaterThan(2);
        expect(missing.length).toBeLessThan(names.length / 2);
        const [first = ''] = missing;
        const bytes = content(9000);
        stored.set(first, { bytes, record: await store(storage, first, 1, bytes) });
        await storage.settle();
      });
      expect(await readdir(path)).toContain('catalog-damaged');
      const { events, log } = warnings();
      const storage = await StorageDirectory.open(path, { log });
      expect(events).toEqual(['store.catalog.repaired']);
      expect(await checkAndAdopt(storage, stored)).toBe(missing.length - 1);
      await storage.close();
    });
  });
});

/** Changes single entries of a catalog that is not in use. */
async function tamper(path: string, change: (database: ClassicLevel<string, Buffer>) => Promise<void>): Promise<void> {
  const database = new ClassicLevel<string, Buffer>(join(path, 'catalog'), { valueEncoding: 'buffer' });
  await change(database);
  await database.close();
}

describe('a single entry that cannot be read', () => {
  const garbage: [string, (value: Buffer) => Buffer][] = [
    ['is empty', () => Buffer.alloc(0)],
    ['is cut', (value) => value.subarray(0, value.length / 2)],
    ['is something else', () => Buffer.from('garbage, and long enough to be taken for a header')],
  ];

  it.each(garbage)('of a record that %s counts as absent until it is replaced', async (_title, spoil) => {
    await temporaryDirectory(async (path) => {
      const stored = await fill(path, 5);
      await tamper(path, async (database) => {
        await database.put('record:name 1', spoil((await database.get('record:name 1')) ?? Buffer.alloc(0)));
      });
      await withStorage(path, async (storage) => {
        expect(await storage.record('name 1')).toBeUndefined();
        const { records } = await storage.list({ prefix: '', after: '', limit: 100 });
        expect(records.map(({ name }) => name)).toEqual(['name 0', 'name 2', 'name 3', 'name 4', 'the last one']);
        const bytes = content(10);
        const record = recordOf('name 1', 1, bytes, { replicas: 3 });
        await storage.commit(await stage(storage, bytes), record);
        expect((await load(storage, record)).equals(bytes)).toBe(true);
        expect(storage.replicaCounts()).toEqual([1, 3]);
        expect(storage.summarize(1, [WHOLE])[0]?.count).toBe(stored.size - 1);
        expect(storage.totals.files).toBe(stored.size);
      });
      await withStorage(path, (storage) => {
        expect(storage.summarize(1, [WHOLE])[0]?.count).toBe(stored.size - 1);
        expect(storage.totals.files).toBe(stored.size);
        return Promise.resolve();
      });
    });
  });

  it('of another name counts as absent', async () => {
    await temporaryDirectory(async (path) => {
      await fill(path, 5);
      await tamper(path, async (database) => {
        await database.put('record:name 1', (await database.get('record:name 2')) ?? Buffer.alloc(0));
      });
      await withStorage(path, async (storage) => {
        expect(await storage.record('name 1')).toBeUndefined();
        expect((await storage.record('name 2'))?.name).toBe('name 2');
      });
    });
  });

  it('of a slot has them all written anew; of a redo entry is passed over', async () => {
    await temporaryDirectory(async (path) => {
      const stored = await fill(path, 5);
      await tamper(path, async (database) => {
        const [key = ''] = await database.keys({ gte: 'slot:', limit: 1 }).all();
        await database.put(key, Buffer.from('garbage'));
        await database.put('redo:x', Buffer.from([0, 1]));
        await database.put('redo:y', Buffer.from('garbage'));
      });
      const { events, log } = warnings();
      const storage = await StorageDirectory.open(path, { log });
      expect(events).toEqual(['store.slots.damaged']);
      expect(await checkAndAdopt(storage, stored)).toBe(0);
      await storage.close();
    });
  });

  it('does not have an unfinished drop take the file of a newer version', async () => {
    await temporaryDirectory(async (path) => {
      const stored = await fill(path, 3);
      await tamper(path, async (database) => {
        const place = Buffer.from(safePath('name 1'));
        await database.put('redo:x', Buffer.concat([Buffer.from([1, 0, place.length]), place, Buffer.from('name 1')]));
        await database.put('record:name 1', Buffer.from('garbage'));
      });
      await withStorage(path, async (storage) => {
        expect(await storage.record('name 1')).toBeUndefined();
      });
      expect(await readFile(join(path, 'files', safePath('name 1')))).toEqual(stored.get('name 1')?.bytes);
    });
  });
});

describe('an old copy of a directory', () => {
  it('opens in the state it was in', async () => {
    await temporaryDirectory(async (path) => {
      const [current, copy] = [join(path, 'current'), join(path, 'copy')];
      const stored = await fill(current, 20);
      await cp(current, copy, { recursive: true });
      await withStorage(current, async (storage) => {
        await store(storage, 'name 1', 2, content(10));
        await store(storage, 'later', 1, content(10));
      });
      await rm(current, { recursive: true });
      await cp(copy, current, { recursive: true });
      await withStorage(current, async (storage) => {
        expect(await checkAndAdopt(storage, stored)).toBe(0);
      });
    });
  });

  it('of the catalog alone opens, and tells which files are not what it says', async () => {
    await temporaryDirectory(async (path) => {
      await fill(path, 20);
      await cp(join(path, 'catalog'), join(path, 'old catalog'), { recursive: true });
      await withStorage(path, async (storage) => {
        await store(storage, 'name 1', 2, content(10));
        const dropped = await storage.record('name 2');
        if (dropped !== undefined) await storage.drop('name 2', dropped.version);
      });
      await rm(join(path, 'catalog'), { recursive: true });
      await cp(join(path, 'old catalog'), join(path, 'catalog'), { recursive: true });
      await withStorage(path, async (storage) => {
        const verdicts = await Promise.all(
          ['name 0', 'name 1', 'name 2', 'name 3'].map((name) => storage.verify(name)),
        );
        expect(verdicts).toEqual(['good', 'damaged', 'damaged', 'good']);
      });
    });
  });
});
