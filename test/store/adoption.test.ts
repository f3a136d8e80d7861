import { mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { safePath } from '../../src/store/safe-path.ts';
import type { StorageDirectory } from '../../src/store/storage-directory.ts';
import {
  chunkHashesOf,
  content,
  inStorage,
  load,
  recordOf,
  store,
  temporaryDirectory,
  tombstoneOf,
  withStorage,
} from './samples.ts';
import { scriptedFiles, systemError } from './scripted-files.ts';

const bytes = content(9000);
const record = recordOf('Name', 3, bytes);

/** Puts a file where the name's belongs, as it is after the catalog was lost. */
async function lay(path: string, what: Uint8Array): Promise<string> {
  const file = join(path, 'files', safePath('Name'));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, what);
  return file;
}

async function expectNothing(storage: StorageDirectory): Promise<void> {
  expect(await storage.record('Name')).toBeUndefined();
  expect(storage.totals.files).toBe(0);
}

describe('adopting a file', () => {
  it.each([0, 1, 9000, 3_000_000])('of %d bytes makes it the content of its record, for ever', async (length) => {
    await temporaryDirectory(async (path) => {
      const mine = content(length);
      const its = recordOf('Name', 3, mine);
      await lay(path, mine);
      await withStorage(path, async (storage) => {
        expect(await storage.adopt(its, chunkHashesOf(mine))).toBe(true);
        expect(await storage.adopt(its, undefined)).toBe(false);
        expect((await load(storage, its)).equals(mine)).toBe(true);
        expect(storage.totals).toEqual({ files: 1, tombstones: 0, bytes: length });
      });
      await withStorage(path, async (storage) => {
        expect((await load(storage, its)).equals(mine)).toBe(true);
        expect(await storage.verify('Name')).toBe('good');
      });
    });
  });

  const others: [string, (file: string) => Promise<void>][] = [
    ['is not there', (file) => rm(file)],
    ['has other content of the same size', (file) => writeFile(file, content(9000))],
    ['is shorter', (file) => truncate(file, 8999)],
    ['is longer', (file) => truncate(file, 9001)],
    ['is a link to its content', (file) => rename(file, `${file}~`).then(() => symlink(`${file}~`, file))],
    ['is a directory', (file) => rm(file).then(() => mkdir(file))],
    [
      'lies behind a linked directory',
      (file) => rename(dirname(file), `${dirname(file)}~`).then(() => symlink(`${dirname(file)}~`, dirname(file))),
    ],
  ];

  it.each(others)('is refused when it %s', async (_title, change) => {
    await temporaryDirectory(async (path) => {
      const file = await lay(path, bytes);
      await change(file);
      await withStorage(path, async (storage) => {
        for (const hashes of [undefined, chunkHashesOf(bytes)]) expect(await storage.adopt(record, hashes)).toBe(false);
        await expectNothing(storage);
      });
    });
  });

  it(
    'is refused for a tombstone, with hashes that are not its own, and where the name has a record',
    inStorage(async (storage, path) => {
      await lay(path, bytes);
      expect(await storage.adopt(tombstoneOf('Name', 4), undefined)).toBe(false);
      expect(await storage.adopt(record, chunkHashesOf(content(9000)))).toBe(false);
      expect(await storage.adopt(record, chunkHashesOf(bytes).slice(1))).toBe(false);
      await expectNothing(storage);
      await storage.commitTombstone(tombstoneOf('Name', 1));
      expect(await storage.adopt(record, undefined)).toBe(false);
      expect((await storage.record('Name'))?.tombstone).toBe(true);
    }),
  );

  it('is refused while the deletion of a dropped record is still to come, be it that it failed', async () => {
    await temporaryDirectory(async (path) => {
      const { files } = scriptedFiles({
        before: ({ operation, path: target }) => {
          if (operation === 'unlink' && target.includes('/files/')) throw systemError('EIO');
        },
      });
      await withStorage(
        path,
        async (storage) => {
          const stored = await store(storage, 'Name', 1, bytes);
          await storage.settle();
          await storage.drop('Name', stored.version);
          expect(await storage.adopt(stored, undefined)).toBe(false);
          await storage.settle();
          expect(await storage.adopt(stored, undefined)).toBe(false);
        },
        files,
      );
    });
  });

  it('takes nothing that was changed, or stored, while it was hashed', async () => {
    for (const change of ['written to', 'stored'] as const) {
      await temporaryDirectory(async (path) => {
        const reached = Promise.withResolvers<undefined>();
        const go = Promise.withResolvers<undefined>();
        const { files } = scriptedFiles({
          after: async ({ operation }) => {
            if (operation !== 'read') return;
            reached.resolve(undefined);
            await go.promise;
          },
        });
        const file = await lay(path, bytes);
        await withStorage(
          path,
          async (storage) => {
            const adopting = storage.adopt(record, undefined);
            await reached.promise;
            const other = content(9000);
            if (change === 'stored') await store(storage, 'Name', 1, other);
            else await writeFile(file, other);
            go.resolve(undefined);
            expect(await adopting).toBe(false);
            await storage.settle();
            if (change === 'stored') expect(await storage.verify('Name')).toBe('good');
            else await expectNothing(storage);
            expect(await readFile(file)).toEqual(other);
          },
          files,
        );
      });
    }
  });
});
