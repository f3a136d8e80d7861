import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { StorageLockedError, StorageUnusableError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import {
  CHUNK_BYTES,
  content,
  inStorage,
  stage,
  store,
  temporaryDirectory,
  tombstoneOf,
  withStorage,
} from './samples.ts';

describe('listing', () => {
  it(
    'goes through a prefix page by page in the order of UTF-8 bytes, removed files only on request',
    inStorage(async (storage) => {
      const names = ['dir/a', 'dir/b', 'dir/\u{ffee}', 'dir/\u{1f600}', 'dir/\u{10ffff}x', 'dir', 'dir0', 'eir/a'];
      await Promise.all(names.map((name) => store(storage, name, 1, content(3))));
      await storage.commitTombstone(tombstoneOf('dir/b', 2));
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
