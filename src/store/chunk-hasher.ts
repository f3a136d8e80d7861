/**
 * SHA-256 of each chunk of a content that passes by in pieces of any size. Every byte is hashed once, as it comes;
 * the Merkle root over the hashes is what the signed record is compared with.
 */

import { createHash, hash, type Hash } from 'node:crypto';
import { assert, defined } from '../base/assert.ts';
import { BadMessageError } from '../base/errors.ts';
import { CHUNKS_PER_FILE_MAX } from '../wire/limits.ts';
import { merkleRoot } from '../wire/merkle.ts';

export class ChunkHasher {
  readonly #chunkBytes: number;
  readonly #hashes: Uint8Array[];
  #current: Hash | undefined;
  #filled = 0;
  #root: Uint8Array | undefined;

  /** @param known of the first chunks, which have passed by before */
  constructor(chunkBytes: number, known: readonly Uint8Array[] = []) {
    assert(chunkBytes > 0, 'a chunk has a size');
    this.#chunkBytes = chunkBytes;
    this.#hashes = [...known];
  }

  /** @throws BadMessageError when the content has more chunks than a file may have */
  update(part: Uint8Array): void {
    assert(this.#root === undefined, 'no bytes after the end');
    let offset = 0;
    while (offset < part.length) {
      const length = Math.min(part.length - offset, this.#chunkBytes - this.#filled);
      const piece = part.subarray(offset, offset + length);
      offset += length;
      if (this.#filled === 0 && length === this.#chunkBytes) this.#push(hash('sha256', piece, 'buffer'));
      else this.#add(piece);
    }
  }

  #add(piece: Uint8Array): void {
    this.#current ??= createHash('sha256');
    this.#current.update(piece);
    this.#filled += piece.length;
    if (this.#filled === this.#chunkBytes) this.#endChunk();
  }

  #endChunk(): void {
    this.#push(defined(this.#current, 'a chunk has begun').digest());
    this.#current = undefined;
    this.#filled = 0;
  }

  #push(digest: Buffer): void {
    if (this.#hashes.length >= CHUNKS_PER_FILE_MAX) {
      throw new BadMessageError(`content of more than ${String(CHUNKS_PER_FILE_MAX)} chunks; use larger chunks`);
    }
    this.#hashes.push(new Uint8Array(digest.buffer, digest.byteOffset, digest.length));
  }

  /** Ends the last chunk; empty content has one empty chunk. */
  finish(): void {
    if (this.#root !== undefined) return;
    if (this.#filled > 0) this.#endChunk();
    if (this.#hashes.length === 0) this.#push(hash('sha256', new Uint8Array(0), 'buffer'));
    this.#root = merkleRoot(this.#hashes);
  }

  /** One per chunk that is complete. */
  get hashes(): readonly Uint8Array[] {
    return this.#hashes;
  }

  get merkleRoot(): Uint8Array {
    return defined(this.#root, 'the Merkle root is known after the end');
  }
}
