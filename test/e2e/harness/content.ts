/** Contents of files that follow from a seed, made fast, and their hashes. */

import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const CIPHER_KEY_BYTES = 16;

/** Bytes that look random: a cipher over zeros. */
export function pseudoRandom(bytes: number, seed: number): Buffer {
  const key = Buffer.alloc(CIPHER_KEY_BYTES);
  key.writeUInt32BE(seed);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(CIPHER_KEY_BYTES)).update(Buffer.alloc(bytes));
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(piece as Uint8Array);
  return hash.digest('hex');
}

/** Writes such a file. @returns its SHA-256 */
export async function writePseudoRandom(path: string, bytes: number, seed: number): Promise<string> {
  const content = pseudoRandom(bytes, seed);
  await writeFile(path, content);
  return sha256(content);
}

/** Every file below a directory, as paths relative to it, links and other things included. */
export async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1));
}

/** A peer's copies: SHA-256 of the content by path below `files/`. */
export async function storedFiles(storage: string): Promise<Map<string, string>> {
  const dir = join(storage, 'files');
  const hashes = new Map<string, string>();
  for (const path of await filesBelow(dir)) hashes.set(path, await sha256OfFile(join(dir, path)));
  return hashes;
}
