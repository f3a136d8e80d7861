/**
 * The bytes that have arrived on a stream and were not read yet, as the pieces in which they came. Taking bytes out
 * copies nothing: a piece is split by making views on it.
 */

import { assert, defined } from '../base/assert.ts';

export class ByteQueue {
  #pieces: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** The first four bytes as a big-endian number, left where they are. */
  peekUint32(): number {
    assert(this.#length >= 4, 'fewer than four bytes to look at');
    let value = 0;
    let seen = 0;
    for (const piece of this.#pieces) {
      for (let i = 0; i < piece.length && seen < 4; i++, seen++) value = value * 256 + (piece[i] ?? 0);
      if (seen === 4) break;
    }
    return value;
  }

  /** Takes exactly `count` bytes, as views. */
  take(count: number): Uint8Array[] {
    assert(count <= this.#length, `only ${String(this.#length)} of ${String(count)} bytes are there`);
    const taken: Uint8Array[] = [];
    let used = 0;
    let missing = count;
    while (missing > 0) {
      const piece = defined(this.#pieces[used], 'pieces and their sum disagree');
      if (piece.length <= missing) {
        taken.push(piece);
        used++;
        missing -= piece.length;
      } else {
        taken.push(piece.subarray(0, missing));
        this.#pieces[used] = piece.subarray(missing);
        missing = 0;
      }
    }
    this.#pieces.splice(0, used);
    this.#length -= count;
    return taken;
  }

  clear(): void {
    this.#pieces = [];
    this.#length = 0;
  }
}
