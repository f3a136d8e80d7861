/**
 * The hashes that a record names, made while content is sent: the SHA-256 of the whole and of each chunk. Where content is
 * sent from a later chunk on, because the root has those before it, their hashes are known; but the whole's SHA-256 cannot be
 * written down and taken up again, so those chunks are read for it. Nothing is hashed twice for it: what passed once, in an
 * earlier attempt, is in it.
 */

import { createHash, hash } from 'node:crypto';
import type { FileRecord } from '../wire/record.ts';
import { merkleRoot } from '../wire/merkle.ts';

export type ContentHashes = Pick<FileRecord, 'size' | 'sha256' | 'merkleRoot'>;

export class ContentHasher {
  readonly #whole = createHash('sha256');
  /** Chunks that are in it. */
  #wholeChunks = 0;
  #chunkHashes: Uint8Array[] = [];
  /** Content of a single chunk is hashed once: the first waits for the second. */
  #first: Uint8Array | undefined;
  /** The next chunk's place. */
  #position = 0;
  #size = 0;

  /** Bytes up to here. */
  get size(): number {
    return this.#size;
  }

  get chunkHashes(): readonly Uint8Array[] {
    return this.#chunkHashes;
  }

  /** Chunks at the beginning that need not be read again for the SHA-256 of the whole. */
  get wholeChunks(): number {
    return this.#wholeChunks;
  }

  /** Content is added from this chunk on, and what was known of it and what comes behind it is forgotten. */
  startAt(chunks: number, chunkBytes: number): void {
    this.#position = chunks;
    this.#size = chunks * chunkBytes;
    this.#chunkHashes.length = chunks;
    this.#first = undefined;
  }

  /** Takes hashes of the first chunks as known. */
  know(hashes: readonly Uint8Array[]): void {
    this.#chunkHashes = [...hashes];
  }

  /** The next chunk, for the SHA-256 of the whole only. */
  addToWhole(chunk: Uint8Array): void {
    this.#whole.update(chunk);
    this.#wholeChunks++;
  }

  add(chunk: Uint8Array): void {
    const index = this.#position++;
    this.#size += chunk.length;
    this.#chunkHashes.push(hash('sha256', chunk, 'buffer'));
    if (index < this.#wholeChunks) return;
    if (index === 0) {
      this.#first = chunk;
      return;
    }
    if (this.#first !== undefined) this.addToWhole(this.#first);
    this.#first = undefined;
    this.addToWhole(chunk);
  }

  finish(): ContentHashes {
    const root = merkleRoot(this.#chunkHashes);
    // A copy: where this attempt fails, the next one ends here once more.
    const sha256 = this.#chunkHashes.length === 1 ? root : this.#whole.copy().digest();
    return { size: this.#size, merkleRoot: root, sha256 };
  }
}
