/**
 * Makes a directory and what is missing above it. Not by the platform's recursive call: where a file system says "no such
 * directory" although the parent is there (/proc does), that one tries again for ever. What was made is durable.
 */

import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { StoreError } from '../base/errors.ts';

export type MakeDirectoryOptions = {
  /** Of every directory that is made. Default: what the umask leaves. */
  readonly mode?: number;
};

/** @throws the system's error; StoreError where the file system takes no new directories */
export async function makeDirectory(path: string, options: MakeDirectoryOptions = {}): Promise<void> {
  const whole = resolve(path);
  if (await isDirectory(whole)) return;
  const parent = dirname(whole);
  if (parent !== whole) await makeDirectory(parent, options);
  try {
    await mkdir(whole, options);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' && (await isDirectory(whole))) return;
    if (code === 'ENOENT') throw new StoreError('FAILED', `${parent}: no directory can be made there`, error);
    throw error;
  }
  await sync(parent);
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() === true;
}

/** As far as the file system can: some refuse to sync a directory. */
async function sync(directory: string): Promise<void> {
  const handle = await open(directory, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
