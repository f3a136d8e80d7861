/** How much a directory takes: no more than it may hold, and no more than leaves the disk its floor. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NoSpaceError } from '../../src/base/errors.ts';
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
  tombstoneOf,
} from './samples.ts';
import { scriptedFiles, systemError } from './scripted-files.ts';

const KIB = 1024;
const MIB = 1024 * 1024;

describe('the free-space floor', () => {
  it('refuses before a byte is written what cannot fit, and lets nobody block the disk by announcing', async () => {
    await temporaryDirectory(async (path) => {
      const { files, calls } = scriptedFiles({});
      const little: FileSystem = { ...files, freeBytes: () => Promise.resolve(100 * MIB) };
      const storage = await StorageDirectory.open(path, {
        log: silentLog,
        files: little,
        freeSpaceFloorBytes: 20 * MIB,
      });
      const first = await storage.stage({ chunkBytes: CHUNK_BYTES, sizeHint: 80 * MIB });
      const opened = calls.length;
      const refused = storage.stage({ chunkBytes: CHUNK_BYTES, sizeHint: 81 * MIB });
      await expect(refused).rejects.toThrow(NoSpaceError);
      await expect(refused).rejects.toThrow(/make room/);
      expect(calls.length).toBe(opened);
      await (await storage.stage({ chunkBytes: CHUNK_BYTES, sizeHint: 80 * MIB })).discard();
      await first.discard();
      await storage.close();
    });
  });

  it('stops content that outgrows what was announced', async () => {
    await temporaryDirectory(async (path) => {
      const { files } = scriptedFiles({});
      let free = 10 * MIB;
      const filling: FileSystem = {
        ...files,
        freeBytes: () => Promise.resolve(free),
        writev: async (...args) => {
          const written = await files.writev(...args);
          free -= written;
          return written;
        },
      };
      const storage = await StorageDirectory.open(path, { log: silentLog, files: filling, freeSpaceFloorBytes: 0 });
      const staged = await storage.stage({ chunkBytes: MIB });
      const writeOn = async () => {
        for (let i = 0; i < 20; i++) await staged.write([content(MIB)]);
      };
      await expect(writeOn()).rejects.toThrow(NoSpaceError);
      expect(await readdir(join(path, 'incoming'))).toEqual([]);
      await storage.close();
    });
  });
});

describe('the capacity', () => {
  async function withCapacity(
    capacityBytes: number,
    use: (storage: StorageDirectory, path: string) => Promise<void>,
    files?: FileSystem,
  ): Promise<void> {
    await temporaryDirectory(async (path) => {
      const options = { log: silentLog, capacityBytes, freeSpaceFloorBytes: 0, ...(files && { files }) };
      const storage = await StorageDirectory.open(path, options);
      try {
        await use(storage, path);
      } finally {
        await storage.close();
      }
    });
  }
  const used = async (storage: StorageDirectory) => (await storage.space()).usedBytes;

  it('is filled to the last byte and refuses the next one before it is read', async () => {
    const { files, calls } = scriptedFiles({});
    await withCapacity(
      20 * MIB,
      async (storage) => {
        await store(storage, 'a', 1, content(10 * MIB));
        const bytes = content(10 * MIB);
        const made = calls.length;
        const refused = storage.stage({ chunkBytes: CHUNK_BYTES, sizeHint: 10 * MIB + 1 });
        await expect(refused).rejects.toThrow(NoSpaceError);
        await expect(refused).rejects.toThrow(/10485761 bytes .* 10485760 are left .* 20971520 .* give it more/);
        expect(calls.slice(made).map(({ operation }) => operation)).not.toContain('open');
        await store(storage, 'b', 1, bytes);
        expect(await used(storage)).toBe(20 * MIB);
        await expect(storage.stage({ chunkBytes: CHUNK_BYTES, sizeHint: 1 })).rejects.toThrow(NoSpaceError);
        // A tombstone takes none, and makes room.
        await storage.commitTombstone(tombstoneOf('a', 2));
        expect(await used(storage)).toBe(10 * MIB);
        await store(storage, 'c', 1, content(10 * MIB));
      },
      files,
    );
  });

  it('stops content that outgrows it, which leaves nothing behind', async () => {
    await withCapacity(3 * MIB, async (storage, path) => {
      const staged = await storage.stage({ chunkBytes: CHUNK_BYTES });
      const writeOn = async () => {
        for (let i = 0; i < 4; i++) await staged.write([content(MIB)]);
      };
      await expect(writeOn()).rejects.toThrow(NoSpaceError);
      expect(await readdir(join(path, 'incoming'))).toEqual([]);
      expect(await used(storage)).toBe(0);
      await store(storage, 'name', 1, content(3 * MIB));
    });
  });

  it('counts what is on its way in as it arrives, and a new version beside the old one until it replaces it', async () => {
    await withCapacity(10 * MIB, async (storage) => {
      await store(storage, 'name', 1, content(4 * MIB));
      const bytes = content(5 * MIB);
      const staged = await stage(storage, bytes);
      expect(await used(storage)).toBe(9 * MIB);
      await expect(storage.stage({ chunkBytes: CHUNK_BYTES, sizeHint: MIB + 1 })).rejects.toThrow(NoSpaceError);
      await storage.commit(staged, recordOf('name', 2, bytes));
      expect(await used(storage)).toBe(5 * MIB);
      await (await stage(storage, content(4 * MIB))).discard();
      expect(await used(storage)).toBe(5 * MIB);
      await storage.commit(await stage(storage, content(0)), recordOf('name', 3, content(0)));
      expect(await used(storage)).toBe(0);
    });
  });

  it('takes content of unknown size to the last byte, and sets no more aside than that when it has ended', async () => {
    await withCapacity(10 * MIB, async (storage) => {
      const staged = await storage.stage({ chunkBytes: CHUNK_BYTES });
      for (let i = 0; i < 10; i++) await staged.write([content(MIB)]);
      await staged.finish();
      expect(await used(storage)).toBe(10 * MIB);
      await staged.discard();
      const small = await storage.stage({ chunkBytes: CHUNK_BYTES });
      await small.write([content(MIB)]);
      await small.finish();
      expect(await used(storage)).toBe(MIB);
    });
  });

  it('never counts less while a copy is being committed', async () => {
    await withCapacity(10 * MIB, async (storage) => {
      for (let round = 1; round < 20; round++) {
        const bytes = content(MIB);
        const staged = await stage(storage, bytes, MIB);
        let least = Infinity;
        let done = false;
        const committing = storage.commit(staged, recordOf('name', round, bytes)).finally(() => (done = true));
        while (!done) least = Math.min(least, await used(storage));
        await committing;
        expect(least).toBe(MIB);
      }
    });
  });

  it('is not exceeded by many who come at once, and none is refused while there is room for it', async () => {
    await withCapacity(64 * 100 * KIB, async (storage) => {
      const put = (i: number) => store(storage, `name ${String(i)}`, 1, content(100 * KIB));
      const outcomes = await Promise.allSettled(Array.from({ length: 80 }, (_, i) => put(i)));
      const stored = outcomes.filter(({ status }) => status === 'fulfilled').length;
      expect(stored).toBe(64);
      expect(storage.totals).toMatchObject({ files: 64, bytes: 64 * 100 * KIB });
      expect(await used(storage)).toBe(64 * 100 * KIB);
    });
  });

  it('has back what a failed write had taken', async () => {
    let armed = true;
    const { files } = scriptedFiles({
      before: ({ operation }) => {
        if (armed && operation === 'writev') throw systemError('EIO');
      },
    });
    await withCapacity(
      4 * MIB,
      async (storage) => {
        await expect(stage(storage, content(4 * MIB), MIB)).rejects.toThrow(/EIO/);
        expect(await used(storage)).toBe(0);
        armed = false;
        await store(storage, 'name', 1, content(4 * MIB));
      },
      files,
    );
  });

  it('lower than what is held leaves that to be read', async () => {
    await temporaryDirectory(async (path) => {
      const bytes = content(MIB);
      const first = await StorageDirectory.open(path, { log: silentLog });
      await store(first, 'name', 1, bytes);
      await first.close();
      const storage = await StorageDirectory.open(path, { log: silentLog, capacityBytes: KIB });
      expect((await loadNewest(storage, 'name'))?.equals(bytes)).toBe(true);
      expect(await storage.space()).toMatchObject({ usedBytes: MIB, capacityBytes: KIB });
      await expect(storage.stage({ chunkBytes: CHUNK_BYTES, sizeHint: 1 })).rejects.toThrow(/0 are left/);
      await storage.close();
    });
  });
});
