/**
 * What to store for the paths that a person names, and under which names. A file is stored under its last path
 * component, a directory's files under `dir/sub/file`. A link is followed where it was named, and passed over
 * inside a directory, so that a walk never leaves the directory nor runs in circles. Pipes and devices are read to
 * their end where they were named, and passed over inside a directory.
 */

import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { StoreSource } from '../client/types.ts';

export type LocalFile = {
  readonly name: string;
  /** Made when its turn has come, so that no descriptor is held before. */
  open(): StoreSource;
  /** Bytes, as far as it is known. */
  readonly size: number | undefined;
};

/** A path that could not be taken. It has its place among the results like a file that failed. */
export type UnreadablePath = { readonly name: string; readonly error: unknown };

export type LocalItem = LocalFile | UnreadablePath;

export function nameOfPath(path: string): string {
  return basename(resolve(path));
}

async function* readStdin(): AsyncGenerator<Uint8Array> {
  for await (const piece of process.stdin) yield piece as Uint8Array;
}

async function fileOf(name: string, path: string): Promise<LocalItem> {
  try {
    const { size } = await stat(path);
    return { name, size, open: () => ({ path }) };
  } catch (error) {
    return { name, error };
  }
}

async function* walk(prefix: string, directory: string, note: (text: string) => void): AsyncGenerator<LocalItem> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => ({ error }));
  if (!Array.isArray(entries)) {
    yield { name: prefix, error: entries.error };
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const name = `${prefix}/${entry.name}`;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* walk(name, path, note);
    else if (entry.isFile()) yield await fileOf(name, path);
    else note(`${path}: passed over, for it is ${entry.isSymbolicLink() ? 'a link' : 'not a regular file'}`);
  }
}

/**
 * @param as the name to use instead of the path's own; the caller has checked that there is one file only
 * @param note is told what is passed over
 */
export async function* localItems(
  paths: readonly string[],
  as: string | undefined,
  note: (text: string) => void,
): AsyncGenerator<LocalItem> {
  for (const path of paths) {
    const name = as ?? nameOfPath(path);
    if (path === '-') {
      yield { name, size: undefined, open: readStdin };
      continue;
    }
    const found = await stat(path).catch((error: unknown) => ({ error }));
    if ('error' in found) yield { name, error: found.error };
    else if (found.isDirectory()) yield* walk(name, path, note);
    else yield { name, size: found.isFile() ? found.size : undefined, open: () => ({ path }) };
  }
}
