/**
 * Kills a store that is suspended, gone on with and committed at each of its calls to the file system: what it leaves
 * can be gone on with or begun anew, and nothing else lies about.
 */

import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { FileSystem } from '../../src/store/file-system.ts';
import type { StagedFile } from '../../src/store/staged-file.ts';
import type { StorageDirectory } from '../../src/store/storage-directory.ts';
import { content, load, recordOf, temporaryDirectory, withStorage } from './samples.ts';
import { Stop, scriptedFiles } from './scripted-files.ts';
import { MIB, begin } from './uploads.ts';

const bytes = content(10 * MIB + 7);
const record = recordOf('name', 1, bytes, { chunkBytes: MIB });

async function writeUpTo(staged: StagedFile, end: number): Promise<void> {
  if (staged.size < end) await staged.write([bytes.subarray(staged.size, end)]);
}

async function goOn(storage: StorageDirectory): Promise<void> {
  const staged = await begin(storage);
  await writeUpTo(staged, bytes.length);
  await staged.finish();
  await storage.commit(staged, record);
}

function run(path: string, files: FileSystem): Promise<void> {
  return withStorage(
    path,
    async (storage) => {
      for (const end of [8.5 * MIB, 9.5 * MIB]) {
        const staged = await begin(storage);
        await writeUpTo(staged, end);
        await staged.suspend();
      }
      await goOn(storage);
      await storage.settle();
    },
    files,
  );
}

async function checkLeftOver(path: string): Promise<number> {
  return withStorage(path, async (storage) => {
    const found = (await readdir(join(path, 'incoming'))).map((name) => name.slice(name.indexOf('.'))).sort();
    expect([[], ['.part', '.resume']]).toContainEqual(found);
    const stored = (await storage.record('name')) !== undefined;
    if (stored) expect(found).toEqual([]);
    else await goOn(storage);
    await storage.settle();
    expect((await load(storage, record)).equals(bytes)).toBe(true);
    expect(await storage.verify('name')).toBe('good');
    expect(await readdir(join(path, 'incoming'))).toEqual([]);
    return found.length;
  });
}

it('a store killed at any call of being suspended and gone on with can be finished', async () => {
  let resumable = 0;
  let reached = true;
  let points = 0;
  for (; reached; points++) {
    await temporaryDirectory(async (path) => {
      const stop = new Stop();
      const { files } = scriptedFiles({
        after: async ({ number }) => {
          if (number === points) stop.stop();
          await stop.pass();
        },
      });
      const running = run(join(path, 'killed'), files);
      reached = await Promise.race([stop.reached.then(() => true), running.then(() => false)]);
      if (reached) {
        await cp(join(path, 'killed'), join(path, 'copy'), { recursive: true });
        if ((await checkLeftOver(join(path, 'copy'))) > 0) resumable++;
      }
      stop.thaw();
      await running;
    });
  }
  expect(points).toBeGreaterThan(40);
  expect(resumable).toBeGreaterThan(15);
}, 60_000);
