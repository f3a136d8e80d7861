/** A disk that is really full, out of inodes, or read-only: file systems of their own are mounted, so this needs root. */

import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NoSpaceError, StorageUnusableError, StoreError, codeOf } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import { CHUNK_BYTES, content, loadNewest, recordOf, stage, store, withStorage } from './samples.ts';

const ROOT = process.getuid?.() === 0;
const MIB = 1024 * 1024;

/** A file system of its own, so small that it fills up. */
async function onTmpfs(options: string, use: (path: string) => Promise<void>): Promise<void> {
  const mount = await mkdtemp(join(tmpdir(), 'store-tmpfs-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', mount]);
  try {
    await use(mount);
  } finally {
    execFileSync('umount', [mount]);
    await rm(mount, { recursive: true });
  }
}

/** An ext4 of its own on a loop device, which turns read-only at its first error. */
async function onExt4(use: (path: string, device: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'store-ext4-'));
  const [image, mount] = [join(directory, 'image'), join(directory, 'mount')];
  await mkdir(mount);
  await writeFile(image, '');
  await truncate(image, 64 * MIB);
  execFileSync('mkfs.ext4', ['-q', image]);
  execFileSync('mount', ['-o', 'loop,errors=remount-ro', image, mount]);
  try {
    await use(mount, execFileSync('findmnt', ['-n', '-o', 'SOURCE', mount], { encoding: 'utf8' }).trim());
  } finally {
    execFileSync('umount', [mount]);
    await rm(directory, { recursive: true });
  }
}

describe('a disk of its own', () => {
  if (!ROOT) console.warn('SKIPPED, needs root: a disk that is really full or read-only');

  it.runIf(!ROOT && process.env['CI'] === 'true')('is not left out where everything must run', () => {
    expect.fail('run as root: file systems are mounted');
  });

  it.skipIf(!ROOT)('that fills up refuses with NO_SPACE and keeps everything old', async () => {
    await onTmpfs('size=24m', async (mount) => {
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
    await onTmpfs('size=12m', async (mount) => {
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
    await onTmpfs('size=8m', async (mount) => {
      const path = join(mount, 'storage');
      await mkdir(path);
      await withStorage(path, () => Promise.resolve());
      execFileSync('mount', ['-o', 'remount,ro', mount]);
      const opening = StorageDirectory.open(path, { log: silentLog });
      await expect(opening).rejects.toThrow(StorageUnusableError);
      await expect(opening).rejects.toThrow(/read-only/);
    });
  });

  it.skipIf(!ROOT)(
    'that runs out of inodes refuses with NO_SPACE, keeps everything old, and goes on when there are more',
    async () => {
      await onTmpfs('size=64m,nr_inodes=60', async (mount) => {
        const path = join(mount, 'storage');
        const kept: string[] = [];
        const storage = await StorageDirectory.open(path, { log: silentLog, freeSpaceFloorBytes: 0 });
        let refused: unknown;
        for (let i = 0; refused === undefined && i < 100; i++) {
          const name = `name ${String(i)}`;
          await store(storage, name, 1, content(100)).then(
            () => kept.push(name),
            (error: unknown) => (refused = error),
          );
          await storage.settle();
        }
        expect(codeOf(refused)).toBe('NO_SPACE');
        expect(kept.length).toBeGreaterThan(5);
        for (const name of kept) expect(await storage.verify(name)).toBe('good');
        execFileSync('mount', ['-o', 'remount,nr_inodes=1000', mount]);
        await store(storage, 'later', 1, content(100));
        await storage.close();
        await withStorage(path, async (reopened) => {
          for (const name of [...kept, 'later']) expect(await reopened.verify(name)).toBe('good');
        });
      });
    },
  );

  it.skipIf(!ROOT)('that turns read-only under it says so to whoever stores, and goes on being read', async () => {
    await onExt4(async (mount, device) => {
      const path = join(mount, 'storage');
      const storage = await StorageDirectory.open(path, { log: silentLog, freeSpaceFloorBytes: 0 });
      const bytes = content(300_000);
      const record = await store(storage, 'name', 1, bytes);
      await storage.settle();
      const staged = await stage(storage, content(10));
      await writeFile(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, '1');
      const storing = store(storage, 'other', 1, content(100));
      await expect(storing).rejects.toThrow(StorageUnusableError);
      await expect(storing).rejects.toThrow(/read-only .* mount it writable again/);
      await expect(storage.commit(staged, recordOf('third', 1, content(10)))).rejects.toThrow(StoreError);
      await expect(storage.drop('name', record.version)).rejects.toThrow(StoreError);
      expect((await loadNewest(storage, 'name'))?.equals(bytes)).toBe(true);
      expect(await storage.verify('name')).toBe('good');
      expect(storage.totals.files).toBe(1);
      await storage.close();
    });
  });
});
