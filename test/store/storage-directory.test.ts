import { readdir, readFile, stat, symlink, truncate, unlink } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ContentCorruptError, NotFoundError, VersionConflictError } from '../../src/base/errors.ts';
import { safePath } from '../../src/store/safe-path.ts';
import {
  CHUNK_BYTES,
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
      await storage.commit(staged, recordOf('straddling', 1, bytes));
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
      const forged = recordOf('name', 2, bytes, { version: second.version });
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
        if (pieces.length === 2) await storage.commitTombstone(tombstoneOf('name', 3));
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
      await storage.commitTombstone(tombstoneOf('name', 2));
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
      await expect(storage.commit(staged, recordOf('name', 2, content(5000)))).rejects.toThrow(ContentCorruptError);
      const other = await stage(storage, bytes);
      await expect(storage.commit(other, recordOf('name', 2, bytes, { chunkBytes: 2 * CHUNK_BYTES }))).rejects.toThrow(
        ContentCorruptError,
      );
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
      await expect(storage.openContent(record)).rejects.toThrow(ContentCorruptError);
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
      const record = recordOf('name', 1, bytes);
      expect([staged.size, staged.chunkHashes.length]).toEqual([bytes.length, 4]);
      expect(staged.merkleRoot).toEqual(new Uint8Array(record.merkleRoot));
      await storage.commit(staged, record);
      expect(await load(storage, record)).toEqual(Buffer.from(bytes));
    }),
  );
});
