/**
 * The Merkle root over the SHA-256 hashes of a file's chunks. Leaves are the chunk hashes themselves, an inner node
 * is SHA-256(0x01 ‖ left ‖ right), and a node without a partner goes up as it is. The record signs size and chunk
 * size besides, so the tree's shape is fixed and no inner node can pass for a leaf. A file of one chunk has its
 * chunk's hash, and so its own SHA-256, as root: small files are hashed once.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { assert, defined } from '../base/assert.ts';
import { concatBytes } from '../base/bytes.ts';

const INNER_NODE = Uint8Array.of(1);

/** @param hashes one 32-byte hash per chunk, at least one */
export function merkleRoot(hashes: readonly Uint8Array[]): Uint8Array {
  assert(hashes.length > 0, 'a file has at least one chunk');
  let level = hashes;
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = defined(level[i], 'inside the level');
      const right = level[i + 1];
      above.push(right === undefined ? left : sha256(concatBytes([INNER_NODE, left, right])));
    }
    level = above;
  }
  return defined(level[0], 'a level has a node');
}
