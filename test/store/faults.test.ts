/** A disk that is full, broken or read-only: a named error, nothing old harmed, nothing left behind. */

import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BusyError, NoSpaceError, StorageUnusableError, codeOf } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import type { FileSystem } from '../../src/store/file-system.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import {
  CHUNK_BYTES,
  content,
  loadNewest,
  recordOf,
  stage,
  store,
  temporaryDirectory,
  withStorage,
} from './samples.ts';
import { scriptedFiles, systemError } from './scripted-files.ts';

const ROOT = process.getuid?.() === 0;
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

/** A file system of its own, so small that it fills up. */
async function onTmpfs(bytes: number, use: (path: string) => Promise<void>): Promise<void> {
  const mount = await mkdtemp(join(tmpdir(), 'store-tmpfs-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(bytes)}`, 'tmpfs', mount]);
  try {
    await use(mount);
  } finally {
    execFileSync('umount', [mount]);
    await rm(mount, { recursive: true });
  }
}

describe('a disk of its own', () => {
  if (!ROOT) console.warn('SKIPPED, needs root: a disk that is really full or read-only');

  it.runIf(!ROOT && process.env['CI'] === 'true')('is not left out where everything must run', () => {
    expect.fail('run as root: file systems are mounted');
  });

  it.skipIf(!ROOT)('that fills up refuses with NO_SPACE and keeps everything old', async () => {
    await onTmpfs(24 * MIB, async (mount) => {
      const path = join(mount, 'storage');
      const kept = new Map<string, Uint8Array>();
      const storage = await StorageDirectory.open(path, { log: silentLog, freeSpaceFloorBytes: 0 });
      let refused: unknown;
      for (let i = 0; refused === undefined && i < 100; i++) {
        const [name, bytes] = [`name ${String(i)}`, content(MIB)];
        await store(storage, name, 1, bytes).then(
          () => kept.set(name, bytes),
          (error: unknown) => (refused = error),
        );
      }
      expect(codeOf(refused)).toBe('NO_SPACE');
      expect(kept.size).toBeGreaterThan(10);
      // Without its size known beforehand, the disk itself says no.
      await writeFile(join(mount, 'filler'), content(((await statfs(mount)).bavail - 60) * 4096));
      const staged = await storage.stage({ chunkBytes: MIB });
      await expect(staged.write([content(MIB)]).then(() => staged.finish())).rejects.toThrow(NoSpaceError);
      for (const [name, bytes] of kept) expect((await loadNewest(storage, name))?.equals(bytes)).toBe(true);
      await storage.settle();
      expect(await readdir(join(path, 'incoming'))).toEqual([]);
      await storage.close();
    });
  });

  it.skipIf(!ROOT)('that fills up under the catalog leaves old or new, and the next start goes on', async () => {
    await onTmpfs(12 * MIB, async (mount) => {
      const path = join(mount, 'storage');
      const storage = await StorageDirectory.open(path, { log: silentLog, freeSpaceFloorBytes: 0 });
      const old = content(1000);
      await store(storage, 'name', 1, old);
      const next = content(1001);
      const staged = await stage(storage, next);
      await writeFile(join(mount, 'filler'), '');
      const { bavail, bsize } = await statfs(mount);
      await writeFile(join(mount, 'filler'), content(bavail * bsize));
      const outcomes: string[] = [];
      // The database's log has room in its last page; settings fill that.
      for (let i = 0; i < 20 && outcomes.length === 0; i++) {
        await storage.settings
          .put(`filling ${String(i)}`, content(1000))
          .catch((e: unknown) => outcomes.push(codeOf(e)));
      }
      expect(outcomes).toEqual(['OUTCOME_UNKNOWN']);
      await expect(storage.commit(staged, recordOf('name', 2, next))).rejects.toThrow(NoSpaceError);
      await expect(storage.stage({ chunkBytes: CHUNK_BYTES })).rejects.toThrow(/restart/);
      expect(await loadNewest(storage, 'name')).toEqual(Buffer.from(old));
      await storage.close();
      await rm(join(mount, 'filler'));
      await withStorage(path, async (reopened) => {
        expect(await loadNewest(reopened, 'name')).toEqual(Buffer.from(old));
        expect((await reopened.settings.get('filling 0'))?.length).toBe(1000);
        await expect(stage(reopened, content(1))).rejects.toThrow(/stay free always/);
      });
    });
  });

  it.skipIf(!ROOT)('that is read-only says so', async () => {
    await onTmpfs(8 * MIB, async (mount) => {
      const path = join(mount, 'storage');
      await mkdir(path);
      await withStorage(path, () => Promise.resolve());
      execFileSync('mount', ['-o', 'remount,ro', mount]);
      const opening = StorageDirectory.open(path, { log: silentLog });
      await expect(opening).rejects.toThrow(StorageUnusableError);
      await expect(opening).rejects.toThrow(/read-only/);
    });
  });
});
