/** Bytes that look random and are made fast: a cipher over zeros, so that gigabytes cost less than what is tested. */

import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

const PIECE_BYTES = 1024 * 1024;
const KEY_BYTES = 16;

/** `bytes` bytes that follow from the seed, in pieces of 1 MiB. */
export function* pseudoRandom(bytes: number, seed: number): Generator<Uint8Array> {
  const key = Buffer.alloc(KEY_BYTES);
  key.writeUInt32BE(seed);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(KEY_BYTES));
  const zeros = Buffer.alloc(Math.min(PIECE_BYTES, bytes));
  for (let left = bytes; left > 0; left -= PIECE_BYTES)
    yield cipher.update(zeros.subarray(0, Math.min(left, PIECE_BYTES)));
}

/** Writes such a file. @returns its SHA-256 in hex */
export async function writePseudoRandom(path: string, bytes: number, seed: number): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    for (const piece of pseudoRandom(bytes, seed)) {
      hash.update(piece);
      await file.write(piece);
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) hash.update(piece as Uint8Array);
  return hash.digest('hex');
}
