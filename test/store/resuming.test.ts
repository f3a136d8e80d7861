/** A store that broke off in the middle is gone on with, across restarts. */

import { cp, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BadMessageError, NotReadyError } from '../../src/base/errors.ts';
import type { FileSystem } from '../../src/store/file-system.ts';
import type { StorageDirectory } from '../../src/store/storage-directory.ts';
import { chunkHashesOf, content, flip, load, temporaryDirectory } from './samples.ts';
import { scriptedFiles, systemError } from './scripted-files.ts';
import {
  MIB,
  UPLOAD,
  begin,
  bytes,
  finishAndCheck,
  incoming,
  opened,
  record,
  suspendAt,
  writeUpTo,
} from './uploads.ts';

describe('a suspended copy', () => {
  it.each([false, true])('is gone on with from its last whole chunk (after a restart: %s)', async (restart) => {
    await temporaryDirectory(async (path) => {
      const goOn = async (storage: StorageDirectory) => {
        const staged = await begin(storage);
        expect(staged.size).toBe(12 * MIB);
        const hashes = chunkHashesOf(bytes.subarray(0, 12 * MIB), MIB);
        expect(staged.chunkHashes.map((hash) => Buffer.from(hash))).toEqual(hashes);
        await finishAndCheck(storage, staged);
        expect(await incoming(path)).toEqual([]);
        expect((await storage.space()).usedBytes).toBe(bytes.length);
      };
      await opened(path, async (storage) => {
        expect(await suspendAt(storage, 12.5 * MIB)).toBe(true);
        expect((await storage.space()).usedBytes).toBe(12 * MIB);
        if (!restart) await goOn(storage);
      });
      if (restart) await opened(path, goOn);
    });
  });

  it('can be suspended again and again, the last time by closing the directory', async () => {
    await temporaryDirectory(async (path) => {
      await opened(path, async (storage) => {
        for (const end of [9.5 * MIB, 9.9 * MIB, 11.5 * MIB]) expect(await suspendAt(storage, end)).toBe(true);
        const staged = await begin(storage);
        expect(staged.size).toBe(11 * MIB);
        await writeUpTo(staged, 15.5 * MIB);
      });
      expect(await incoming(path)).toHaveLength(2);
      await opened(path, async (storage) => {
        const staged = await begin(storage);
        expect(staged.size).toBe(15 * MIB);
        await finishAndCheck(storage, staged);
      });
    });
  });

  it('reads and hashes nothing of what is there', async () => {
    await temporaryDirectory(async (path) => {
      const { files, calls } = scriptedFiles({});
      const readBytes: number[] = [];
      const counting: FileSystem = {
        ...files,
        read: async (...args) => {
          const count = await files.read(...args);
          readBytes.push(count);
          return count;
        },
      };
      await opened(path, (storage) => suspendAt(storage, 12 * MIB));
      await opened(
        path,
        async (storage) => {
          const staged = await begin(storage);
          expect(staged.size).toBe(12 * MIB);
          expect(readBytes.reduce((sum, count) => sum + count, 0)).toBeLessThan(4096);
          await staged.discard();
          expect(calls.filter(({ operation }) => operation === 'unlink')).toHaveLength(2);
        },
        { files: counting },
      );
      expect(await incoming(path)).toEqual([]);
    });
  });

  it('is for its own upload id and chunk size only', async () => {
    await temporaryDirectory((path) =>
      opened(path, async (storage) => {
        await suspendAt(storage, 12 * MIB);
        for (const options of [{ chunkBytes: MIB }, { chunkBytes: MIB, uploadId: 'b2'.repeat(16) }]) {
          const other = await storage.stage(options);
          expect(other.size).toBe(0);
          await other.discard();
        }
        await expect(begin(storage, 'no hex')).rejects.toThrow(BadMessageError);
        const coarser = await storage.stage({ chunkBytes: 2 * MIB, uploadId: UPLOAD });
        expect(coarser.size).toBe(0);
        await coarser.discard();
        expect(await incoming(path)).toEqual([]);
      }),
    );
  });

  it('is not kept below 8 MiB of whole chunks, without an upload id, or when it has ended', async () => {
    await temporaryDirectory((path) =>
      opened(path, async (storage) => {
        expect(await suspendAt(storage, 8 * MIB - 1)).toBe(false);
        const nameless = await storage.stage({ chunkBytes: MIB });
        await writeUpTo(nameless, 10 * MIB);
        expect(await nameless.suspend()).toBe(false);
        const ended = await begin(storage);
        await writeUpTo(ended, 10 * MIB);
        await ended.discard();
        expect(await ended.suspend()).toBe(false);
        expect(await incoming(path)).toEqual([]);
        expect((await storage.space()).usedBytes).toBe(0);
        expect((await begin(storage)).size).toBe(0);
        expect(await suspendAt(storage, 8 * MIB)).toBe(true);
      }),
    );
  });

  it.each([false, true])(
    'is taken over from a connection that is not known to be dead yet (or just now: %s)',
    async (known) => {
      await temporaryDirectory((path) =>
        opened(path, async (storage) => {
          const first = await begin(storage);
          await writeUpTo(first, 10 * MIB);
          const leaving = known ? first.suspend() : undefined;
          const second = await begin(storage);
          expect(second.size).toBe(10 * MIB);
          if (known) expect(await leaving).toBe(true);
          await expect(first.write([bytes.subarray(0, 10)])).rejects.toThrow(NotReadyError);
          await first.discard();
          expect(await first.suspend()).toBe(false);
          await finishAndCheck(storage, second);
        }),
      );
    },
  );

  it('is one of an upload, though two were begun at the same time', async () => {
    await temporaryDirectory(async (path) => {
      await opened(path, async (storage) => {
        const both = await Promise.all([begin(storage), begin(storage)]);
        for (const staged of both) await writeUpTo(staged, 10 * MIB);
        for (const staged of both) expect(await staged.suspend()).toBe(true);
        expect((await storage.space()).usedBytes).toBe(10 * MIB);
        expect(await incoming(path)).toHaveLength(2);
      });
      await opened(path, async (storage) => finishAndCheck(storage, await begin(storage)));
    });
  });

  it('stays what it was for a process that is killed in the middle of going on with it', async () => {
    await temporaryDirectory(async (path) => {
      const [killed, copy] = [join(path, 'killed'), join(path, 'copy')];
      await opened(killed, async (storage) => {
        await suspendAt(storage, 10 * MIB);
        const staged = await begin(storage);
        // Other bytes than will be sent the next time, and more than there will be.
        for (let i = 0; i < 15; i++) await staged.write([content(MIB)]);
        await cp(killed, copy, { recursive: true });
      });
      await opened(copy, async (storage) => {
        const staged = await begin(storage);
        expect(staged.size).toBe(10 * MIB);
        await finishAndCheck(storage, staged);
        expect(await incoming(copy)).toEqual([]);
      });
    });
  });

  it('leaves nothing behind where a process is killed right after the commit', async () => {
    await temporaryDirectory(async (path) => {
      const { files } = scriptedFiles({
        before: ({ operation, path: target }) => {
          if (operation === 'rename' && target.endsWith('.part')) throw systemError('EIO');
          if (operation === 'unlink') throw systemError('EIO');
        },
      });
      await opened(
        path,
        async (storage) => {
          await suspendAt(storage, 10 * MIB);
          const staged = await begin(storage);
          await writeUpTo(staged, bytes.length);
          await staged.finish();
          await storage.commit(staged, record);
        },
        { files },
      );
      expect(await incoming(path)).toHaveLength(2);
      await opened(path, async (storage) => {
        expect(await incoming(path)).toEqual([]);
        expect((await load(storage, record)).equals(bytes)).toBe(true);
        expect((await begin(storage)).size).toBe(0);
      });
    });
  });

  it.each(['write', 'sync'] as const)('is given up when the %s of it fails, and harms nothing', async (failing) => {
    await temporaryDirectory(async (path) => {
      let armed = false;
      const { files } = scriptedFiles({
        before: ({ operation }) => {
          if (armed && operation === (failing === 'write' ? 'writev' : 'datasync')) throw systemError('EIO');
        },
      });
      await opened(
        path,
        async (storage) => {
          const staged = await begin(storage);
          await writeUpTo(staged, 10 * MIB);
          armed = true;
          expect(await staged.suspend()).toBe(false);
          armed = false;
          expect(await incoming(path)).toEqual([]);
          expect((await storage.space()).usedBytes).toBe(0);
          await finishAndCheck(storage, await begin(storage));
        },
        { files },
      );
    });
  });

  const spoilt: [string, (part: string, sidecar: string) => Promise<void>][] = [
    ['its file is shorter', (part) => truncate(part, 10 * MIB - 1)],
    ['its sidecar is torn', async (_part, sidecar) => truncate(sidecar, (await stat(sidecar)).size - 1)],
    ['a bit of its sidecar is flipped', (_part, sidecar) => flip(sidecar, 100)],
    ['its sidecar is something else', (_part, sidecar) => writeFile(sidecar, content(500))],
    ['its sidecar is empty', (_part, sidecar) => writeFile(sidecar, '')],
  ];

  it.each(spoilt)('is cleared by the next start when %s', async (_title, spoil) => {
    await temporaryDirectory(async (path) => {
      await opened(path, (storage) => suspendAt(storage, 10 * MIB));
      const names = (await incoming(path)).sort().map((name) => join(path, 'incoming', name));
      await spoil(names[0] ?? '', names[1] ?? '');
      await opened(path, async (storage) => {
        expect(await incoming(path)).toEqual([]);
        expect((await begin(storage)).size).toBe(0);
      });
    });
  });
});
