/** Whether a file came back as it went in: its SHA-256 in this process, and `cmp` as a second opinion. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Child } from '../lib/child.ts';
import { sha256OfFile } from '../lib/content.ts';
import type { SourceFile } from './files.ts';

/** @returns what is wrong, or undefined */
export async function difference(source: SourceFile, path: string): Promise<string | undefined> {
  const [sha256, compared] = await Promise.all([sha256OfFile(path), new Child('cmp', [source.path, path]).ended]);
  if (sha256 !== source.sha256) return `${source.name}: SHA-256 differs`;
  return compared === 0 ? undefined : `${source.name}: cmp finds a difference`;
}

/** All files below a directory, as paths relative to it. */
export async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
