import { readFile, readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { safePath } from '../../src/store/safe-path.ts';
import {
  content,
  inStorage,
  load,
  loadNewest,
  recordOf,
  stage,
  store,
  temporaryDirectory,
  tombstoneOf,
  withStorage,
} from './samples.ts';
import { scriptedFiles, systemError } from './scripted-files.ts';

describe('dropping a record', () => {
  it(
    'forgets it with its hashes and its file, and leaves whoever reads undisturbed',
    inStorage(async (storage, path) => {
      const bytes = content(70_000);
      const record = await store(storage, 'name', 3, bytes);
      await storage.settle();
      const opened = await storage.openContent(record);
      expect(await storage.drop('name', record.version)).toBe(true);
      await storage.settle();
      expect(await storage.record('name')).toBeUndefined();
      expect(storage.totals).toEqual({ files: 0, tombstones: 0, bytes: 0 });
      expect(storage.replicaCounts()).toEqual([]);
      expect(await readdir(join(path, 'files', safePath('name').slice(0, 2)))).toEqual([]);
      const pieces: Uint8Array[] = [];
      for await (const piece of opened.read(0, bytes.length)) pieces.push(Buffer.from(piece));
      expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
      await opened.close();
      // As if it had never been here: even the first version may come.
      await store(storage, 'name', 1, content(3));
    }),
  );

  it(
    'leaves any other version alone',
    inStorage(async (storage) => {
      const old = await store(storage, 'name', 1, content(5));
      const bytes = content(9000);
      await store(storage, 'name', 2, bytes);
      expect(await storage.drop('name', old.version)).toBe(false);
      expect(await storage.drop('nothing', old.version)).toBe(false);
      await storage.settle();
      expect(await loadNewest(storage, 'name')).toEqual(Buffer.from(bytes));
    }),
  );

  it(
    'takes nothing of what is stored right after it, while the moves are still to come',
    inStorage(async (storage, path) => {
      for (let round = 0; round < 20; round++) {
        const record = await store(storage, 'name', 1, content(3000));
        if (round % 2 === 0) await storage.settle();
        const bytes = content(3000);
        const staged = await stage(storage, bytes);
        const next = recordOf('name', 1, bytes);
        await Promise.all([storage.drop('name', record.version), storage.commit(staged, next)]);
        await storage.settle();
        expect(await load(storage, next)).toEqual(Buffer.from(bytes));
        expect(await storage.drop('name', next.version)).toBe(true);
      }
      await storage.settle();
      expect(await readdir(join(path, 'incoming'))).toEqual([]);
    }),
  );

  it.each([
    ['the deletion failed and the name was stored again', true],
    ['the deletion failed', false],
  ])('is finished by the next start where %s', async (_title, storedAgain) => {
    await temporaryDirectory(async (path) => {
      const { files } = scriptedFiles({
        before: ({ operation, path: target }) => {
          if (operation === 'unlink' && target.includes('/files/')) throw systemError('EIO');
        },
      });
      const bytes = content(4000);
      await withStorage(
        path,
        async (storage) => {
          const record = await store(storage, 'name', 1, content(4000));
          await storage.settle();
          await storage.drop('name', record.version);
          await storage.settle();
          if (storedAgain) await store(storage, 'name', 1, bytes);
        },
        files,
      );
      for (let start = 0; start < 2; start++) {
        await withStorage(path, async (storage) => {
          expect(await loadNewest(storage, 'name')).toEqual(storedAgain ? Buffer.from(bytes) : undefined);
          const inFiles = await readdir(join(path, 'files'), { recursive: true });
          expect(inFiles.includes(safePath('name'))).toBe(storedAgain);
        });
      }
    });
  });
});

describe('purging tombstones', () => {
  it(
    'drops those that came in before a time, and no file',
    inStorage(async (storage) => {
      await store(storage, 'file', 1, content(10));
      for (let i = 0; i < 600; i++) await storage.commitTombstone(tombstoneOf(`removed ${String(i)}`, 1));
      expect(await storage.purgeTombstones(Date.now() - 60_000)).toBe(0);
      expect(storage.totals).toEqual({ files: 1, tombstones: 600, bytes: 10 });
      expect(await storage.purgeTombstones(Date.now() + 60_000)).toBe(600);
      expect(storage.totals).toEqual({ files: 1, tombstones: 0, bytes: 10 });
      expect(storage.summarize(1, [{ from: 0, to: 0 }])[0]?.count).toBe(1);
      expect(await storage.purgeTombstones(Date.now() + 60_000)).toBe(0);
    }),
  );

  it('leaves no way back for a removed file whose deletion failed', async () => {
    await temporaryDirectory(async (path) => {
      let broken = true;
      const { files } = scriptedFiles({
        before: ({ operation, path: target }) => {
          if (broken && operation === 'unlink' && target.includes('/files/')) throw systemError('EIO');
        },
      });
      await withStorage(
        path,
        async (storage) => {
          await store(storage, 'name', 1, content(4000));
          await storage.settle();
          await storage.commitTombstone(tombstoneOf('name', 2));
          await storage.settle();
          broken = false;
          await storage.purgeTombstones(Date.now() + 60_000);
        },
        files,
      );
      expect((await readdir(join(path, 'files'), { recursive: true })).includes(safePath('name'))).toBe(false);
    });
  });
});

describe('a committed copy that has another size when the next start moves it', () => {
  it('is kept aside under its name, and its record forgotten with the version it replaced', async () => {
    await temporaryDirectory(async (path) => {
      await withStorage(path, async (storage) => {
        await store(storage, 'Name', 1, content(5000));
      });
      const { files } = scriptedFiles({
        before: ({ operation }) => {
          if (operation === 'rename') throw systemError('EIO');
        },
      });
      await withStorage(path, (storage) => store(storage, 'Name', 2, content(5000)), files);
      const [incoming = ''] = await readdir(join(path, 'incoming'));
      await truncate(join(path, 'incoming', incoming), 4000);
      await withStorage(path, async (storage) => {
        expect(await storage.record('Name')).toBeUndefined();
        expect(storage.totals.files).toBe(0);
      });
      const [aside = ''] = await readdir(join(path, 'quarantine'));
      const file = safePath('Name').slice(3);
      expect(await readdir(join(path, 'quarantine', aside))).toEqual([file]);
      expect(await readFile(join(path, 'quarantine', aside, file))).toHaveLength(4000);
      expect((await readdir(join(path, 'files'), { recursive: true })).includes(safePath('Name'))).toBe(false);
    });
  });
});
