/**
 * The steps that a process goes through while it is killed at one call after another, and what a directory must hold after
 * so many of them. They follow from their numbers alone, so that the process and whoever checks what it left behind
 * need not talk. All ways through a store are among them: in one write and in several, of one chunk and of many, the
 * first file of its directory and a later one, over content in its place and over content still on its way there.
 */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { FileSystem } from '../../src/store/file-system.ts';
import type { StorageDirectory } from '../../src/store/storage-directory.ts';
import { filesBelow, pseudoRandom, sha256OfFile } from '../e2e/harness/content.ts';
import { load, recordOf, sha256, stage, tombstoneOf, withStorage } from '../store/samples.ts';

/** Without a size the file is removed. Settled: the next step begins when this one is carried out in `files/`. */
export type Step = { readonly name: string; readonly size: number | undefined; readonly settled: boolean };

/** Both lie in one directory: their keys begin with the same byte. */
const [ONE, MANY] = ['one', 'many chunks 1066'];
const PIECE_BYTES = 100_000;

export const STEPS: readonly Step[] = [
  { name: ONE, size: 3000, settled: true },
  { name: MANY, size: 2_300_000, settled: true },
  { name: ONE, size: 9000, settled: false },
  { name: ONE, size: 0, settled: false },
  { name: MANY, size: 2000, settled: true },
  { name: ONE, size: undefined, settled: false },
  { name: MANY, size: 70_000, settled: true },
  { name: ONE, size: 500, settled: true },
  { name: MANY, size: undefined, settled: true },
];

type Expected = { readonly counter: number; readonly content: Uint8Array | undefined };

function contentOf(number: number): Uint8Array | undefined {
  const size = STEPS[number]?.size;
  return size === undefined ? undefined : pseudoRandom(size, number);
}

/** By name, after the first `count` steps. */
export function expectedAfter(count: number): Map<string, Expected> {
  const expected = new Map<string, Expected>();
  for (const [number, { name }] of STEPS.slice(0, count).entries()) {
    expected.set(name, { counter: (expected.get(name)?.counter ?? 0) + 1, content: contentOf(number) });
  }
  return expected;
}

/** Resolves when the step is acknowledged. */
export async function carryOut(storage: StorageDirectory, number: number): Promise<void> {
  const { name = '' } = STEPS[number] ?? {};
  const { counter = 0, content } = expectedAfter(number + 1).get(name) ?? {};
  if (content === undefined) await storage.commitTombstone(tombstoneOf(name, counter));
  else await storage.commit(await stage(storage, content, PIECE_BYTES), recordOf(name, counter, content));
}

/** What a directory holds, as far as anybody outside can tell: by name the counter and what there is of it. */
type Held = Map<string, { counter: number; sha256: string; content: Uint8Array | undefined }>;

/** Record, hashes and content are checked against each other. */
async function heldBy(storage: StorageDirectory): Promise<Held> {
  const held: Held = new Map();
  const { records, more } = await storage.list({ prefix: '', after: '', limit: STEPS.length, tombstones: true });
  expect(more).toBe(false);
  for (const record of records) {
    expect(await storage.record(record.name)).toEqual(record);
    const content = record.tombstone ? undefined : await load(storage, record);
    if (content !== undefined) expect(Buffer.from(record.sha256).equals(sha256(content))).toBe(true);
    held.set(record.name, { counter: record.version.counter, sha256: String(record.sha256), content });
  }
  return held;
}

/** The files that are there, the catalog's own excepted. */
async function filesIn(path: string): Promise<string[]> {
  const places = await Promise.all(
    ['files', 'incoming', 'quarantine'].map(async (place) => {
      const paths = await filesBelow(join(path, place));
      return Promise.all(paths.map(async (file) => `${place}/${file} ${await sha256OfFile(join(path, place, file))}`));
    }),
  );
  return places.flat().toSorted();
}

/** Whether a directory is as it must be after so many steps. */
function isAfter(held: Held, count: number): boolean {
  const expected = expectedAfter(count);
  return (
    held.size === expected.size &&
    [...expected].every(([name, { counter, content }]) => {
      const found = held.get(name);
      if (found?.counter !== counter) return false;
      if (content === undefined || found.content === undefined) return content === found.content;
      return Buffer.from(content).equals(found.content);
    })
  );
}

/**
 * Opens a directory as the next process would, and then once more: it holds what was acknowledged or the step after that,
 * whole; nothing lies about; and the second opening finds nothing left to do.
 *
 * @param acknowledged how many steps were
 */
export async function expectWhole(path: string, acknowledged: number, files?: FileSystem): Promise<void> {
  const first = await withStorage(path, heldBy, files);
  const after = [acknowledged, acknowledged + 1].filter((count) => isAfter(first, count));
  const summary = [...first].map(([name, { counter, content }]) => [name, counter, content?.length]);
  expect(after, `after ${String(acknowledged)} steps: ${JSON.stringify(summary)}`).not.toEqual([]);
  const lying = await filesIn(path);
  expect(await readdir(join(path, 'incoming'))).toEqual([]);
  expect(await readdir(join(path, 'quarantine'))).toEqual([]);
  const present = [...first.values()].filter(({ content }) => content !== undefined);
  expect(lying.length, 'there is one file for each that is not removed').toBe(present.length);
  expect(await withStorage(path, heldBy, files)).toEqual(first);
  expect(await filesIn(path)).toEqual(lying);
}
