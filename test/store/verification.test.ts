import { execFileSync } from 'node:child_process';
import { mkdir, readFile, readdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { BusyError, ContentCorruptError } from '../../src/base/errors.ts';
import { safePath } from '../../src/store/safe-path.ts';
import { content, flip, inStorage, loadNewest, store, temporaryDirectory, withStorage } from './samples.ts';
import { scriptedFiles, systemError } from './scripted-files.ts';

const MIB = 1024 * 1024;

const fileOf = (path: string, name: string) => join(path, 'files', safePath(name));

describe('verifying a file', () => {
  it(
    'finds it good as it was stored, of any size, and absent what is not here',
    inStorage(async (storage) => {
      for (const length of [0, 1, 4096, 4097, 3 * MIB + 1]) {
        await store(storage, `of ${String(length)}`, 1, content(length));
        expect(await storage.verify(`of ${String(length)}`)).toBe('good');
      }
      await storage.settle();
      expect(await storage.verify(`of ${String(3 * MIB + 1)}`)).toBe('good');
      expect(await storage.verify('nothing')).toBe('absent');
    }),
  );

  const damages: [string, (file: string, other: string) => Promise<void>][] = [
    ['a bit is flipped in its last chunk', (file) => flip(file, 2 * MIB - 1)],
    ['it is truncated', (file) => truncate(file, 2 * MIB - 1)],
    ['it is longer', (file) => truncate(file, 2 * MIB + 1)],
    ['it is gone', (file) => rm(file)],
    ['it is swapped with another one of its size', (file, other) => rename(other, file)],
    [
      'a link to a file of its content stands in its place',
      (file) => rename(file, `${file}~`).then(() => symlink(`${file}~`, file)),
    ],
    ['a directory stands in its place', (file) => rm(file).then(() => mkdir(file))],
    ['a pipe stands in its place', (file) => rm(file).then(() => void execFileSync('mkfifo', [file]))],
  ];

  it.each(damages)('finds it damaged when %s; quarantined, it can be stored anew', async (_title, damage) => {
    await temporaryDirectory((path) =>
      withStorage(path, async (storage) => {
        const bytes = content(2 * MIB);
        const record = await store(storage, 'Name', 1, bytes);
        await store(storage, 'Other', 1, content(2 * MIB));
        await storage.settle();
        await damage(fileOf(path, 'Name'), fileOf(path, 'Other'));
        expect(await storage.verify('Name')).toBe('damaged');
        expect(await storage.quarantine('Name', record.version)).toBe(true);
        expect(await storage.quarantine('Name', record.version)).toBe(false);
        expect(await storage.verify('Name')).toBe('absent');
        expect((await storage.heldIn(1, { from: 0, to: 0 }, { limit: 9 })).held.map(({ name }) => name)).toEqual([
          'Other',
        ]);
        await store(storage, 'Name', 1, bytes);
        await storage.settle();
        expect(await storage.verify('Name')).toBe('good');
      }),
    );
  });

  it(
    'keeps what was damaged in quarantine/ under its name',
    inStorage(async (storage, path) => {
      const bytes = content(5000);
      for (const counter of [1, 2]) {
        const record = await store(storage, 'Name', counter, bytes);
        await storage.settle();
        await flip(fileOf(path, 'Name'), 0);
        await storage.quarantine('Name', record.version);
        await storage.settle();
      }
      const kept = await readdir(join(path, 'quarantine'));
      expect(kept).toHaveLength(2);
      const flipped = Buffer.from(bytes);
      flipped[0] = (flipped[0] ?? 0) ^ 1;
      for (const directory of kept) {
        const file = join(path, 'quarantine', directory, safePath('Name').slice(3));
        expect(await readFile(file)).toEqual(flipped);
      }
      // Of a file that is gone nothing is kept.
      const record = await store(storage, 'Name', 3, bytes);
      await storage.settle();
      await rm(fileOf(path, 'Name'));
      await storage.quarantine('Name', record.version);
      await storage.settle();
      expect(await readdir(join(path, 'quarantine'))).toHaveLength(2);
    }),
  );

  it.each(['read', 'open'] as const)('finds it damaged when the disk cannot %s it', async (operation) => {
    await temporaryDirectory(async (path) => {
      let code = 'EIO';
      let armed = false;
      const { files } = scriptedFiles({
        before: (call) => {
          if (armed && call.operation === operation) throw systemError(code);
        },
      });
      await withStorage(
        path,
        async (storage) => {
          const bytes = content(5000);
          await store(storage, 'name', 1, bytes);
          await storage.settle();
          armed = true;
          expect(await storage.verify('name')).toBe('damaged');
          await expect(loadNewest(storage, 'name')).rejects.toThrow(ContentCorruptError);
          // That is no fault of the file.
          code = 'EMFILE';
          await expect(storage.verify('name')).rejects.toThrow(BusyError);
          await expect(loadNewest(storage, 'name')).rejects.toThrow(BusyError);
          armed = false;
          expect(await loadNewest(storage, 'name')).toEqual(Buffer.from(bytes));
        },
        files,
      );
    });
  });

  it.each(['hashes', 'record'])('finds it damaged when the catalog has its %s wrong', async (what) => {
    await temporaryDirectory(async (path) => {
      await withStorage(path, (storage) => store(storage, 'name', 1, content(9000)));
      const database = new ClassicLevel<string, Buffer>(join(path, 'catalog'), { valueEncoding: 'buffer' });
      const value = Buffer.from((await database.get(`${what}:name`)) ?? []);
      value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
      await database.put(`${what}:name`, value);
      await database.close();
      await withStorage(path, async (storage) => {
        expect(await storage.verify('name')).toBe('damaged');
      });
    });
  });

  it('is not mistaken about a file that is overwritten meanwhile', async () => {
    await temporaryDirectory(async (path) => {
      const reached = Promise.withResolvers<undefined>();
      const go = Promise.withResolvers<undefined>();
      const { files } = scriptedFiles({
        before: async ({ operation }) => {
          if (operation !== 'read') return;
          reached.resolve(undefined);
          await go.promise;
        },
      });
      await withStorage(
        path,
        async (storage) => {
          await store(storage, 'name', 1, content(2 * MIB));
          await storage.settle();
          const verifying = storage.verify('name');
          await reached.promise;
          await store(storage, 'name', 2, content(2 * MIB));
          await storage.settle();
          go.resolve(undefined);
          expect(await verifying).toBe('good');
        },
        files,
      );
    });
  });

  it('reads nothing of what is not the store', async () => {
    await temporaryDirectory(async (path) => {
      await writeFile(join(path, 'secret'), 'x'.repeat(5000));
      await withStorage(join(path, 'storage'), async (storage) => {
        const record = await store(storage, 'name', 1, content(5000));
        await storage.settle();
        const file = fileOf(join(path, 'storage'), 'name');
        await rm(file);
        await symlink(join(path, 'secret'), file);
        await storage.quarantine('name', record.version);
        await storage.settle();
      });
      expect(await readFile(join(path, 'secret'), 'utf8')).toBe('x'.repeat(5000));
    });
  });
});
