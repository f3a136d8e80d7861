/** A copy on its way in is written down as it grows, for a process that is killed; and what is kept can be read back. */

import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ContentCorruptError } from '../../src/base/errors.ts';
import type { StagedFile } from '../../src/store/staged-file.ts';
import { flip, temporaryDirectory } from './samples.ts';
import { scriptedFiles, systemError } from './scripted-files.ts';
import { begin, bytes, finishAndCheck, incoming, MIB, opened, suspendAt, writeUpTo } from './uploads.ts';

async function readBack(staged: StagedFile): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of staged.keptChunks()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

describe('a copy on its way in', () => {
  it('is gone on with after a kill from what was written down', async () => {
    await temporaryDirectory(async (path) => {
      const [killed, copy] = [join(path, 'killed'), join(path, 'copy')];
      const noted = Promise.withResolvers<undefined>();
      const { files } = scriptedFiles({
        after: ({ operation, path: target }) => {
          if (operation === 'rename' && target.endsWith('.resume-new')) noted.resolve(undefined);
        },
      });
      await opened(
        killed,
        async (storage) => {
          const staged = await begin(storage);
          await writeUpTo(staged, bytes.length);
          await noted.promise;
          await cp(killed, copy, { recursive: true });
          await staged.discard();
          expect(await incoming(killed)).toEqual([]);
        },
        { files },
      );
      await opened(copy, async (storage) => {
        const staged = await begin(storage);
        expect(staged.size).toBeGreaterThanOrEqual(14 * MIB);
        expect(staged.size).toBeLessThan(bytes.length);
        expect((await readBack(staged)).equals(bytes.subarray(0, staged.size))).toBe(true);
        await finishAndCheck(storage, staged);
        expect(await incoming(copy)).toEqual([]);
      });
    });
  });

  it('goes on where it cannot be written down', async () => {
    await temporaryDirectory(async (path) => {
      const { files, calls } = scriptedFiles({
        before: ({ operation, path: target }) => {
          if (operation === 'rename' && target.endsWith('.resume-new')) throw systemError('EIO');
        },
      });
      await opened(
        path,
        async (storage) => {
          await finishAndCheck(storage, await begin(storage));
          expect(calls.some(({ path: target }) => target.endsWith('.resume-new'))).toBe(true);
          expect(await incoming(path)).toEqual([]);
        },
        { files },
      );
    });
  });

  it('without an upload id is not written down', async () => {
    await temporaryDirectory(async (path) => {
      const { files, calls } = scriptedFiles({});
      await opened(
        path,
        async (storage) => {
          await finishAndCheck(storage, await storage.stage({ chunkBytes: MIB }));
          expect(calls.filter(({ path: target }) => target.includes('.resume'))).toEqual([]);
        },
        { files },
      );
    });
  });
});

describe('the kept chunks of a copy', () => {
  it('are read back as they were, and none of one that begins', async () => {
    await temporaryDirectory((path) =>
      opened(path, async (storage) => {
        await suspendAt(storage, 12.5 * MIB);
        const staged = await begin(storage);
        expect((await readBack(staged)).equals(bytes.subarray(0, 12 * MIB))).toBe(true);
        await finishAndCheck(storage, staged);
        const fresh = await begin(storage);
        expect(await readBack(fresh)).toHaveLength(0);
        await fresh.discard();
      }),
    );
  });

  it('are handed on up to the first that was damaged on the disk', async () => {
    await temporaryDirectory((path) =>
      opened(path, async (storage) => {
        await suspendAt(storage, 12 * MIB);
        const part = (await incoming(path)).find((name) => name.endsWith('.part')) ?? '';
        await flip(join(path, 'incoming', part), 3.5 * MIB);
        const staged = await begin(storage);
        let chunks = 0;
        const reading = (async () => {
          for await (const chunk of staged.keptChunks()) chunks += chunk.length / MIB;
        })();
        await expect(reading).rejects.toThrow(ContentCorruptError);
        expect(chunks).toBe(3);
        await staged.discard();
      }),
    );
  });
});
