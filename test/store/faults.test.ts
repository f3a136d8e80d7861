/** A disk that is full, broken or read-only: a named error, nothing old harmed, nothing left behind. */

import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { BusyError, NoSpaceError, StorageUnusableError } from '../../src/base/errors.ts';
import type { FileSystem } from '../../src/store/file-system.ts';
import { content, loadNewest, stage, store, temporaryDirectory, withStorage } from './samples.ts';
import { scriptedFiles, systemError } from './scripted-files.ts';

const MIB = 1024 * 1024;

describe('a failing call to the file system', () => {
  const cases: [keyof FileSystem, string, new (message: string) => Error][] = [
    ['writev', 'ENOSPC', NoSpaceError],
    ['writev', 'EIO', StorageUnusableError],
    ['datasync', 'EIO', StorageUnusableError],
    ['datasync', 'ENOSPC', NoSpaceError],
    ['close', 'EIO', StorageUnusableError],
    ['close', 'EDQUOT', NoSpaceError],
    ['open', 'EROFS', StorageUnusableError],
    ['open', 'EMFILE', BusyError],
  ];

  it.each(cases)('in %s with %s discards the copy and keeps the old', async (operation, code, expected) => {
    await temporaryDirectory(async (path) => {
      let armed = false;
      const { files } = scriptedFiles({
        before: (call) => {
          if (!armed || call.operation !== operation) return;
          armed = false;
          throw systemError(code);
        },
      });
      await withStorage(
        path,
        async (storage) => {
          const old = content(5000);
          await store(storage, 'name', 1, old);
          await storage.settle();
          for (const length of [3000, 3 * MIB]) {
            armed = true;
            const staging = stage(storage, content(length), 300_000);
            await expect(staging).rejects.toThrow(expected);
            await expect(staging).rejects.toMatchObject({ cause: { code } });
            expect(await readdir(join(path, 'incoming'))).toEqual([]);
          }
          expect(await loadNewest(storage, 'name')).toEqual(Buffer.from(old));
          await store(storage, 'name', 2, content(3));
        },
        files,
      );
    });
  });

  it('in the sync of incoming/ ends all storing: it is never tried a second time', async () => {
    await temporaryDirectory(async (path) => {
      let syncs = 0;
      const { files } = scriptedFiles({
        before: ({ operation, path: target }) => {
          if (operation === 'syncDirectory' && target.endsWith('incoming') && ++syncs === 1) throw systemError('EIO');
        },
      });
      await withStorage(
        path,
        async (storage) => {
          await expect(stage(storage, content(1))).rejects.toThrow(StorageUnusableError);
          await expect(stage(storage, content(1))).rejects.toThrow(StorageUnusableError);
          expect(syncs).toBe(1);
        },
        files,
      );
    });
  });

  it('that is in the way only for now ends nothing: with descriptors again, storing goes on', async () => {
    await temporaryDirectory(async (path) => {
      let few = false;
      const { files } = scriptedFiles({
        before: ({ operation }) => {
          if (few && operation === 'syncDirectory') throw systemError('EMFILE');
        },
      });
      await withStorage(
        path,
        async (storage) => {
          few = true;
          await expect(stage(storage, content(1))).rejects.toThrow(BusyError);
          few = false;
          const bytes = content(10);
          await store(storage, 'name', 1, bytes);
          expect(await loadNewest(storage, 'name')).toEqual(Buffer.from(bytes));
        },
        files,
      );
    });
  });

  it('for want of descriptors sheds load, and a process that has them again goes on', async () => {
    await temporaryDirectory(async (path) => {
      const script = join(import.meta.dirname, 'few-descriptors-process.ts');
      const flags = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];
      const command = 'ulimit -n 80 && exec "$0" "$@"';
      const run = promisify(execFile)('sh', ['-c', command, process.execPath, ...flags, script, path]);
      expect((await run).stdout).toBe('BUSY BUSY BUSY; 5 good, 6 files\n');
    });
  });

  it('writes on after a short write', async () => {
    await temporaryDirectory(async (path) => {
      const { files } = scriptedFiles({});
      const short: FileSystem = {
        ...files,
        writev: (fd, parts, position) => files.writev(fd, [(parts[0] ?? new Uint8Array(0)).subarray(0, 777)], position),
        read: (fd, into, offset, length, position) => files.read(fd, into, offset, Math.min(length, 999), position),
      };
      await withStorage(
        path,
        async (storage) => {
          const bytes = content(150_000);
          await store(storage, 'name', 1, bytes);
          expect((await loadNewest(storage, 'name'))?.equals(bytes)).toBe(true);
        },
        short,
      );
    });
  });

  it('in the move to its place leaves the file readable, and the next start moves it', async () => {
    await temporaryDirectory(async (path) => {
      const { files } = scriptedFiles({
        before: ({ operation }) => {
          if (operation === 'rename') throw systemError('EIO');
        },
      });
      const bytes = content(9000);
      await withStorage(
        path,
        async (storage) => {
          await store(storage, 'name', 1, bytes);
          await storage.settle();
          expect(await loadNewest(storage, 'name')).toEqual(Buffer.from(bytes));
        },
        files,
      );
      expect(await readdir(join(path, 'incoming'))).toHaveLength(1);
      await withStorage(path, async (storage) => {
        expect(await readdir(join(path, 'incoming'))).toEqual([]);
        expect(await loadNewest(storage, 'name')).toEqual(Buffer.from(bytes));
      });
    });
  });
});
