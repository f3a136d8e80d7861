import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContentHasher } from '../../src/client/content-hasher.ts';

const CHUNK = 8;

function chunksOf(content: Buffer): Uint8Array[] {
  const count = Math.max(1, Math.ceil(content.length / CHUNK));
  return Array.from({ length: count }, (_, i) => content.subarray(i * CHUNK, (i + 1) * CHUNK));
}

function hashedAtOnce(content: Buffer): ContentHasher {
  const hasher = new ContentHasher();
  for (const chunk of chunksOf(content)) hasher.add(chunk);
  return hasher;
}

describe('hashes of content', () => {
  it('are the same through any number of attempts that begin and break off anywhere', () => {
    const attempt = fc.record({ from: fc.nat(), chunks: fc.nat(12) });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 90 }), fc.array(attempt, { maxLength: 5 }), (bytes, attempts) => {
        const content = Buffer.from(bytes);
        const chunks = chunksOf(content);
        const hasher = new ContentHasher();
        for (const { from, chunks: count } of [...attempts, { from: 0, chunks: chunks.length }]) {
          const known = Math.min(hasher.chunkHashes.length, hasher.wholeChunks, Math.floor(content.length / CHUNK));
          const begin = count === chunks.length ? known : from % (known + 1);
          hasher.startAt(begin, CHUNK);
          // Buffers are used again by whoever reads: what a hasher keeps must not matter once an attempt has ended.
          for (const chunk of chunks.slice(begin, begin + count)) hasher.add(chunk);
        }
        const expected = hashedAtOnce(content);
        expect(hasher.finish()).toEqual(expected.finish());
        expect(hasher.finish().sha256.toString()).toBe(createHash('sha256').update(content).digest().toString());
        expect(hasher.size).toBe(content.length);
      }),
    );
  });

  it('take what is known of the first chunks, and the whole from reading', () => {
    const content = Buffer.alloc(5 * CHUNK + 3, 'content');
    const expected = hashedAtOnce(content);
    const hasher = new ContentHasher();
    for (const chunk of chunksOf(content).slice(0, 3)) hasher.addToWhole(chunk);
    hasher.know(expected.chunkHashes.slice(0, 3));
    hasher.startAt(2, CHUNK);
    for (const chunk of chunksOf(content).slice(2)) hasher.add(chunk);
    expect(hasher.finish()).toEqual(expected.finish());
  });
});
