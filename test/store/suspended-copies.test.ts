/** Suspended copies give way: to time, to each other, and to everything new. */

import { describe, expect, it } from 'vitest';
import { NoSpaceError } from '../../src/base/errors.ts';
import type { FileSystem } from '../../src/store/file-system.ts';
import { temporaryDirectory } from './samples.ts';
import { scriptedFiles } from './scripted-files.ts';
import { MIB, begin, incoming, opened, suspendAt } from './uploads.ts';

const GIB = 1024 * MIB;
const HOUR_MS = 60 * 60 * 1000;

describe('suspended copies', () => {
  const id = (i: number) => String(i).repeat(32);

  it('are kept for a day, in this process and in the next', async () => {
    await temporaryDirectory(async (path) => {
      let nowMs = Date.now();
      const now = () => nowMs;
      await opened(
        path,
        async (storage) => {
          await suspendAt(storage, 10 * MIB, id(1));
          nowMs += 23 * HOUR_MS;
          await suspendAt(storage, 10 * MIB, id(2));
          nowMs += 2 * HOUR_MS;
          expect((await begin(storage, id(1))).size).toBe(0);
        },
        { now },
      );
      nowMs += 21 * HOUR_MS;
      await opened(path, async (storage) => expect((await storage.space()).usedBytes).toBe(10 * MIB), { now });
      nowMs += 2 * HOUR_MS;
      await opened(path, async (storage) => expect((await storage.space()).usedBytes).toBe(0), { now });
      expect(await incoming(path)).toEqual([]);
    });
  });

  it('take no more than a tenth of what is free together: the oldest goes first', async () => {
    await temporaryDirectory(async (path) => {
      const { files } = scriptedFiles({});
      const little: FileSystem = { ...files, freeBytes: () => Promise.resolve(0.25 * GIB) };
      await opened(
        path,
        async (storage) => {
          expect(await suspendAt(storage, 10 * MIB, id(1))).toBe(true);
          expect(await suspendAt(storage, 10 * MIB, id(2))).toBe(true);
          expect(await suspendAt(storage, 10 * MIB, id(3))).toBe(true);
          expect((await storage.space()).usedBytes).toBe(20 * MIB);
          expect((await begin(storage, id(1))).size).toBe(0);
          expect((await begin(storage, id(2))).size).toBe(10 * MIB);
        },
        { files: little },
      );
    });
  });

  it('give way to what is new and finds no room, but not to what could not be stored even so', async () => {
    await temporaryDirectory((path) =>
      opened(
        path,
        async (storage) => {
          for (const i of [1, 2, 3]) await suspendAt(storage, 10 * MIB, id(i));
          const staged = await storage.stage({ chunkBytes: MIB, sizeHint: 15 * MIB });
          expect((await storage.space()).usedBytes).toBe(10 * MIB);
          await staged.discard();
          await expect(storage.stage({ chunkBytes: MIB, sizeHint: 31 * MIB })).rejects.toThrow(NoSpaceError);
          await expect(begin(storage, id(3), 31 * MIB)).rejects.toThrow(NoSpaceError);
          expect((await storage.space()).usedBytes).toBe(10 * MIB);
          // What is there of the one that is gone on with is not asked for again.
          const third = await begin(storage, id(3), 30 * MIB);
          expect(third.size).toBe(10 * MIB);
        },
        { capacityBytes: 30 * MIB },
      ),
    );
  });
});
