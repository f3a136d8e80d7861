import { mkdir, readdir, readFile, stat, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import {
  ContentCorruptError,
  NotFoundError,
  StorageLockedError,
  StorageUnusableError,
  VersionConflictError,
} from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { safePath } from '../../src/store/safe-path.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import {
  CHUNK_BYTES,
  content,
  load,
  loadNewest,
  recordOf,
  stage,
  store,
  temporaryDirectory,
  tombstoneOf,
  withStorage,
} from './samples.ts';

function inStorage(use: (storage: StorageDirectory, path: string) => Promise<void>): () => Promise<void> {
  return () => temporaryDirectory((path) => withStorage(path, (storage) => use(storage, path)));
}

async function tree(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

describe('storing', () => {
  it.each([0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 65_536, 65_537, 3 * 1024 * 1024 + 5])(
    'gives back content of %d bytes, before and after a restart',
    async (length) => {
      await temporaryDirectory(async (path) => {
        const bytes = content(length);
        await withStorage(path, async (storage) => {
          await store(storage, 'a name', 1, bytes);
          expect((await loadNewest(storage, 'a name'))?.equals(bytes)).toBe(true);
        });
        await withStorage(path, async (storage) => {
          expect((await loadNewest(storage, 'a name'))?.equals(bytes)).toBe(true);
        });
      });
    },
  );

  it(
    'leaves a plain file, mode 0600, that anyone can check by its hash',
    inStorage(async (storage, path) => {
      const record = await store(storage, 'plain.txt', 1, content(10_000));
      await storage.settle();
      const file = join(path, 'files', safePath('plain.txt'));
      expect(
        createHash('sha256')
          .update(await readFile(file))
          .digest(),
      ).toEqual(Buffer.from(record.sha256));
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await readdir(join(path, 'incoming'))).toEqual([]);
    }),
  );

  it('reads any range', async () => {
    await inStorage(async (storage) => {
      const bytes = content(2 * 1024 * 1024 + 100);
      const record = await store(storage, 'ranges', 1, bytes);
      const opened = await storage.openContent(record);
      for (const [offset, length] of [
        [0, 0],
        [bytes.length, 0],
        [7, 1],
        [1_000_000, 1_090_000],
        [5, bytes.length - 5],
      ] as const) {
        const pieces: Buffer[] = [];
        for await (const piece of opened.read(offset, length)) pieces.push(Buffer.from(piece));
        expect(Buffer.concat(pieces).equals(bytes.subarray(offset, offset + length))).toBe(true);
      }
      await opened.close();
    })();
  });

  it(
    'takes pieces that straddle chunks, and many at once',
    inStorage(async (storage) => {
      const bytes = content(50_000);
      const staged = await storage.stage({ chunkBytes: CHUNK_BYTES });
      const parts = [bytes.subarray(0, 1), bytes.subarray(1, 1), bytes.subarray(1, 9000), bytes.subarray(9000)];
      await staged.write(parts);
      await staged.finish();
      await storage.commit(staged, await recordOf('straddling', 1, bytes));
      expect(await loadNewest(storage, 'straddling')).toEqual(Buffer.from(bytes));
    }),
  );

  it(
    'keeps names apart that differ in case, in normal form, or share a key',
    inStorage(async (storage) => {
      const names = ['a', 'A', 'é', 'e\u0301', '..', '.', '../../etc/passwd', 'a/b/c', '-rf', 'n'.repeat(1024)];
      const sharing: string[] = [];
      for (let i = 0; sharing.length < 200; i++) {
        const name = `name ${String(i)}`;
        if (createHash('sha256').update(name).digest()[0] === 0) sharing.push(name);
      }
      const all = [...names, ...sharing];
      await Promise.all(all.map((name) => store(storage, name, 1, Buffer.from(`content of ${name}`))));
      await storage.settle();
      for (const name of all) expect((await loadNewest(storage, name))?.toString()).toBe(`content of ${name}`);
      expect(await tree(join(storage.path, 'files'))).toHaveLength(all.length);
    }),
  );

  it(
    'stores many side by side, the same name included, and ends with the highest version',
    inStorage(async (storage) => {
      const results = await Promise.allSettled(
        Array.from({ length: 60 }, (_, i) => store(storage, `name ${String(i % 3)}`, 1 + i, content(100 + i))),
      );
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(VersionConflictError);
      }
      for (const i of [57, 58, 59]) {
        expect((await loadNewest(storage, `name ${String(i % 3)}`))?.length).toBe(100 + i);
      }
      await storage.settle();
      expect(await readdir(join(storage.path, 'incoming'))).toEqual([]);
    }),
  );
});

describe('versions', () => {
  it(
    'never replaces a higher version by a lower one, nor an equal one by other content',
    inStorage(async (storage) => {
      const second = await store(storage, 'name', 2, content(10));
      await expect(store(storage, 'name', 1, content(10))).rejects.toThrow(VersionConflictError);
      const bytes = content(11);
      const forged = await recordOf('name', 2, bytes, { version: second.version });
      await expect(storage.commit(await stage(storage, bytes), forged)).rejects.toThrow(VersionConflictError);
      expect(await storage.record('name')).toEqual(second);
      expect((await loadNewest(storage, 'name'))?.length).toBe(10);
    }),
  );

  it(
    'is quiet about the very same version again',
    inStorage(async (storage) => {
      const bytes = content(5000);
      const record = await store(storage, 'name', 1, bytes);
      await storage.commit(await stage(storage, bytes), record);
      await storage.settle();
      expect(await loadNewest(storage, 'name')).toEqual(Buffer.from(bytes));
      expect(await readdir(join(storage.path, 'incoming'))).toEqual([]);
    }),
  );

  it(
    'goes on reading the version that was opened, when it is overwritten or removed',
    inStorage(async (storage) => {
      const bytes = content(3 * 1024 * 1024);
      const record = await store(storage, 'name', 1, bytes);
      const opened = await storage.openContent(record);
      const pieces: Buffer[] = [];
      for await (const piece of opened.read(0, record.size)) {
        pieces.push(Buffer.from(piece));
        if (pieces.length === 1) await store(storage, 'name', 2, content(50));
        if (pieces.length === 2) await storage.commitTombstone(await tombstoneOf('name', 3));
        await storage.settle();
      }
      expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
      await opened.close();
      await expect(storage.openContent(record)).rejects.toThrow(NotFoundError);
    }),
  );

  it(
    'keeps a removed file removed: the file goes, the tombstone stays, nothing lower comes back',
    inStorage(async (storage) => {
      const first = await store(storage, 'name', 1, content(9000));
      await storage.commitTombstone(await tombstoneOf('name', 2));
      expect((await storage.record('name'))?.tombstone).toBe(true);
      await expect(storage.openContent(first)).rejects.toThrow(NotFoundError);
      await expect(store(storage, 'name', 1, content(9000))).rejects.toThrow(VersionConflictError);
      await storage.settle();
      expect(await tree(join(storage.path, 'files'))).toEqual([]);
      await store(storage, 'name', 3, content(1));
      expect((await loadNewest(storage, 'name'))?.length).toBe(1);
    }),
  );

  it(
    'refuses content that is not what the record says, and keeps the old',
    inStorage(async (storage) => {
      const old = content(5000);
      await store(storage, 'name', 1, old);
      const bytes = content(5000);
      const staged = await stage(storage, bytes);
      await expect(storage.commit(staged, await recordOf('name', 2, content(5000)))).rejects.toThrow(
        ContentCorruptError,
      );
      const other = await stage(storage, bytes);
      await expect(
        storage.commit(other, await recordOf('name', 2, bytes, { chunkBytes: 2 * CHUNK_BYTES })),
      ).rejects.toThrow(ContentCorruptError);
      expect(await loadNewest(storage, 'name')).toEqual(Buffer.from(old));
      expect(await readdir(join(storage.path, 'incoming'))).toEqual([]);
    }),
  );
});

describe('a file that was changed behind its back', () => {
  it(
    'is refused when it is shorter, gone, or a link',
    inStorage(async (storage, path) => {
      const record = await store(storage, 'name', 1, content(9000));
      await storage.settle();
      const file = join(path, 'files', safePath('name'));
      await truncate(file, 8999);
      await expect(storage.openContent(record)).rejects.toThrow(ContentCorruptError);
      await unlink(file);
      await expect(storage.openContent(record)).rejects.toThrow(ContentCorruptError);
      await symlink('/etc/passwd', file);
      await expect(storage.openContent(record)).rejects.toThrow(StorageUnusableError);
    }),
  );

  it(
    'ends a reading under way when it becomes shorter',
    inStorage(async (storage, path) => {
      const record = await store(storage, 'name', 1, content(4 * 1024 * 1024));
      await storage.settle();
      const opened = await storage.openContent(record);
      const reading = opened.read(0, record.size);
      await reading.next();
      await truncate(join(path, 'files', safePath('name')), 1024 * 1024);
      const readOn = async () => {
        while ((await reading.next()).done !== true);
      };
      await expect(readOn()).rejects.toThrow(ContentCorruptError);
      await opened.close();
    }),
  );
});

describe('listing', () => {
  it(
    'goes through a prefix page by page in the order of UTF-8 bytes, removed files only on request',
    inStorage(async (storage) => {
      const names = ['dir/a', 'dir/b', 'dir/\u{ffee}', 'dir/\u{1f600}', 'dir/\u{10ffff}x', 'dir', 'dir0', 'eir/a'];
      await Promise.all(names.map((name) => store(storage, name, 1, content(3))));
      await storage.commitTombstone(await tombstoneOf('dir/b', 2));
      const found: string[] = [];
      for (let more = true; more;) {
        const page = await storage.list({ prefix: 'dir/', after: found.at(-1) ?? '', limit: 2 });
        found.push(...page.records.map(({ name }) => name));
        expect(page.records.length).toBeLessThanOrEqual(2);
        more = page.more;
      }
      expect(found).toEqual(['dir/a', 'dir/\u{ffee}', 'dir/\u{1f600}', 'dir/\u{10ffff}x']);
      const all = await storage.list({ prefix: '', after: '', limit: 100, tombstones: true });
      expect(all.records.map(({ name }) => name)).toEqual(
        [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
      expect(all.more).toBe(false);
      expect((await storage.list({ prefix: '', after: 'dir', limit: 1 })).records[0]?.name).toBe('dir/a');
    }),
  );
});

describe('opening', () => {
  it('keeps settings', async () => {
    await temporaryDirectory(async (path) => {
      await withStorage(path, async (storage) => {
        await storage.settings.put('certificate', Uint8Array.of(1, 2, 3));
      });
      await withStorage(path, async (storage) => {
        expect(await storage.settings.get('certificate')).toEqual(Uint8Array.of(1, 2, 3));
        expect(await storage.settings.get('nothing')).toBeUndefined();
      });
    });
  });

  it(
    'refuses a directory that is in use, and lets go of it on close',
    inStorage(async (_storage, path) => {
      await expect(StorageDirectory.open(path, { log: silentLog })).rejects.toThrow(StorageLockedError);
      const other = join(path, 'other');
      await withStorage(other, () => Promise.resolve());
      await withStorage(other, () => Promise.resolve());
    }),
  );

  it('refuses the layout of a newer program, and changes nothing of it', async () => {
    await temporaryDirectory(async (path) => {
      await withStorage(path, () => Promise.resolve());
      await writeFile(join(path, 'incoming', `${'a'.repeat(32)}.part`), 'of the newer program');
      const database = new ClassicLevel(join(path, 'catalog'));
      await database.put('schema', '99');
      await database.close();
      const opening = StorageDirectory.open(path, { log: silentLog });
      await expect(opening).rejects.toThrow(StorageUnusableError);
      await expect(opening).rejects.toThrow(/layout number 99.*newer version/);
      expect(await readdir(join(path, 'incoming'))).toHaveLength(1);
    });
  });

  it('refuses a path that is a file, and one below a file', async () => {
    await temporaryDirectory(async (path) => {
      await writeFile(join(path, 'file'), '');
      for (const wrong of [join(path, 'file'), join(path, 'file', 'below')]) {
        const opening = StorageDirectory.open(wrong, { log: silentLog });
        await expect(opening).rejects.toThrow(StorageUnusableError);
        await expect(opening).rejects.toThrow(/not a directory/);
      }
    });
  });

  it('clears what was staged and never committed, and touches nothing that is not its own', async () => {
    await temporaryDirectory(async (path) => {
      await mkdir(join(path, 'incoming'), { recursive: true });
      await writeFile(join(path, 'incoming', `${'0'.repeat(32)}.part`), 'stale');
      await writeFile(join(path, 'incoming', 'holiday.jpg'), 'of somebody else');
      await withStorage(path, () => Promise.resolve());
      expect(await readdir(join(path, 'incoming'))).toEqual(['holiday.jpg']);
    });
  });

  it('gives up what is only staged when it closes', async () => {
    await temporaryDirectory(async (path) => {
      await withStorage(path, async (storage) => {
        await stage(storage, content(100_000));
        const half = await storage.stage({ chunkBytes: CHUNK_BYTES });
        await half.write([content(2 * 1024 * 1024)]);
      });
      expect(await readdir(join(path, 'incoming'))).toEqual([]);
    });
  });
});

describe('a staged copy', () => {
  it(
    'is gone after discarding, which may be done in the middle and twice',
    inStorage(async (storage, path) => {
      const staged = await storage.stage({ chunkBytes: CHUNK_BYTES });
      const writing = staged.write([content(3 * 1024 * 1024)]);
      await staged.discard();
      await staged.discard();
      await writing;
      expect(await readdir(join(path, 'incoming'))).toEqual([]);
    }),
  );

  it(
    'knows size, chunk hashes and Merkle root',
    inStorage(async (storage) => {
      const bytes = content(3 * CHUNK_BYTES + 1);
      const staged = await stage(storage, bytes);
      const record = await recordOf('name', 1, bytes);
      expect([staged.size, staged.chunkHashes.length]).toEqual([bytes.length, 4]);
      expect(staged.merkleRoot).toEqual(new Uint8Array(record.merkleRoot));
      await storage.commit(staged, record);
      expect(await load(storage, record)).toEqual(Buffer.from(bytes));
    }),
  );
});
