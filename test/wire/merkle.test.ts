import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { merkleRoot } from '../../src/wire/merkle.ts';

const sha256 = (...parts: Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const leaf = (value: number): Uint8Array => sha256(Uint8Array.of(value));
const inner = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(Uint8Array.of(1), left, right);

describe('merkleRoot', () => {
  it('is the hash itself for one chunk, so that a small file is hashed once', () => {
    expect(merkleRoot([leaf(7)])).toEqual(leaf(7));
  });

  it('pairs from the left and lets a lone last node go up as it is', () => {
    const [a, b, c, d, e] = [leaf(1), leaf(2), leaf(3), leaf(4), leaf(5)];
    expect(merkleRoot([a, b, c])).toEqual(inner(inner(a, b), c));
    expect(merkleRoot([a, b, c, d, e])).toEqual(inner(inner(inner(a, b), inner(c, d)), e));
  });

  it('changes with any chunk, with their order and with their number', () => {
    const hashes = fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(hashes, fc.nat(), fc.nat(), (list, at, bit) => {
        const root = merkleRoot(list);
        const index = at % list.length;
        const changed = list.map((hash, i) => (i === index ? flipped(hash, bit) : hash));
        expect(merkleRoot(changed)).not.toEqual(root);
        expect(merkleRoot(list.slice(0, -1))).not.toEqual(root);
        expect(merkleRoot([...list, leaf(0)])).not.toEqual(root);
      }),
    );
  });
});

function flipped(hash: Uint8Array, bit: number): Uint8Array {
  const copy = hash.slice();
  const index = bit % copy.length;
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}
