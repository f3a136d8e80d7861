/** The files that the demo stores: some of the project's own, some made, from empty to 64 MiB, with telling names. */

import { constants, copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256OfFile, writePseudoRandom } from '../lib/content.ts';
import { ROOT } from '../lib/scratch.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

export type SourceFile = {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
};

const COPIED: Readonly<Record<string, string>> = {
  'README.md': 'README.md',
  'package-lock.json': 'package-lock.json',
  'typescript.js': 'node_modules/typescript/lib/typescript.js',
};

const MADE: Readonly<Record<string, number>> = {
  empty: 0,
  'one byte': 1,
  'grüße 你好.txt': 300,
  '-rf': 4 * KIB,
  '%2e%2e': 64 * KIB,
  'chunk-exactly': MIB,
  'chunk-and-a-byte': MIB + 1,
  'photo.jpg': 700 * KIB,
  'backup.tar': 3 * MIB,
  'photo.raw': 24 * MIB,
  'video.mkv': 64 * MIB,
};

/** Makes them in a directory, smallest first. */
export async function makeFiles(dir: string): Promise<SourceFile[]> {
  await mkdir(dir, { recursive: true });
  for (const [name, source] of Object.entries(COPIED)) {
    await copyFile(join(ROOT, source), join(dir, name), constants.COPYFILE_FICLONE);
  }
  let seed = 0;
  for (const [name, bytes] of Object.entries(MADE)) {
    if (bytes === 0) await writeFile(join(dir, name), '');
    else await writePseudoRandom(join(dir, name), bytes, ++seed);
  }
  const files = [...Object.keys(COPIED), ...Object.keys(MADE)].map(async (name) => {
    const path = join(dir, name);
    return { name, path, size: (await stat(path)).size, sha256: await sha256OfFile(path) };
  });
  return (await Promise.all(files)).sort((a, b) => a.size - b.size);
}
