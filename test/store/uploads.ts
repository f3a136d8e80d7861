/** What the tests of suspended copies share: an upload of 20 MiB that is broken off and gone on with. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import type { StagedFile } from '../../src/store/staged-file.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import type { StorageOptions } from '../../src/store/storage-opening.ts';
import { content, load, recordOf } from './samples.ts';

export const MIB = 1024 * 1024;
export const UPLOAD = 'a1'.repeat(16);
export const bytes = content(20 * MIB + 5);
export const record = recordOf('name', 1, bytes, { chunkBytes: MIB });

export async function opened<T>(
  path: string,
  use: (storage: StorageDirectory) => Promise<T>,
  options: Partial<StorageOptions> = {},
): Promise<T> {
  const storage = await StorageDirectory.open(path, { log: silentLog, freeSpaceFloorBytes: 0, ...options });
  try {
    return await use(storage);
  } finally {
    await storage.close();
  }
}

export const begin = (storage: StorageDirectory, uploadId = UPLOAD, sizeHint?: number) =>
  storage.stage({ chunkBytes: MIB, uploadId, ...(sizeHint === undefined ? {} : { sizeHint }) });

/** Stages the content from where the copy stands, up to an offset. */
export async function writeUpTo(staged: StagedFile, end: number): Promise<void> {
  for (let offset = staged.size; offset < end; offset += 300_000) {
    await staged.write([bytes.subarray(offset, Math.min(offset + 300_000, end))]);
  }
}

/** Suspends a copy of so many bytes. */
export async function suspendAt(storage: StorageDirectory, end: number, uploadId = UPLOAD): Promise<boolean> {
  const staged = await begin(storage, uploadId);
  await writeUpTo(staged, end);
  return staged.suspend();
}

export async function finishAndCheck(storage: StorageDirectory, staged: StagedFile): Promise<void> {
  await writeUpTo(staged, bytes.length);
  await staged.finish();
  await storage.commit(staged, record);
  await storage.settle();
  expect((await load(storage, record)).equals(bytes)).toBe(true);
  expect(await storage.verify('name')).toBe('good');
}

export const incoming = (path: string) => readdir(join(path, 'incoming'));
