/**
 * A file's name and its place on the ring. The key is only a place: with 16 bits thousands of names share one.
 * The identity of a file is its name, byte for byte: two Unicode normal forms are two names.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { InvalidNameError } from '../base/errors.ts';
import type { IdSpace, Key } from './id-space.ts';

/** Longest name in UTF-8 bytes. */
export const NAME_BYTES_MAX = 1024;

/** UTF-8 of a text without the platform's TextEncoder, which pure code does not have. Lone surrogates are refused by `checkName`. */
export function utf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    else
      bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 0x3f), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
  }
  return Uint8Array.from(bytes);
}

/**
 * Refuses what can be no file name: empty, too long, not valid Unicode, or with control characters (C0 with NUL,
 * DEL and C1, which terminals obey). Everything else is a name, `..` and `../../etc/passwd` included: names never
 * become paths as they are (see src/store/safe-path.ts).
 *
 * @throws InvalidNameError
 */
export function checkName(name: string): void {
  if (name.length === 0) throw new InvalidNameError('a file name must not be empty');
  if (!name.isWellFormed()) throw new InvalidNameError('a file name must be valid Unicode');
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const control = /[\u0000-\u001f\u007f-\u009f]/.exec(name);
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    throw new InvalidNameError(
      `a file name must not contain control characters (U+${code} at position ${String(control.index)})`,
    );
  }
  const length = utf8(name).length;
  if (length > NAME_BYTES_MAX) {
    throw new InvalidNameError(
      `a file name must not be longer than ${String(NAME_BYTES_MAX)} bytes in UTF-8; this one has ${String(length)}`,
    );
  }
}

/** The first bits of SHA-256 over the name's UTF-8 bytes, as they are. */
export function keyOfName(space: IdSpace, name: string): Key {
  const digest = sha256(utf8(name));
  let value = 0;
  for (let i = 0; i < space.bits / 8; i++) value = value * 256 + (digest[i] ?? 0);
  return space.position(value);
}

/** Slots are the finest stretches in which peers compare what they hold, whatever the width of the ids. */
export const SLOT_COUNT = 2 ** 16;

/** The first 16 bits of a name's key: with ids of 16 bits the key itself. */
export function slotOfName(name: string): number {
  const digest = sha256(utf8(name));
  return ((digest[0] ?? 0) << 8) | (digest[1] ?? 0);
}

/** A stretch of slots, [from, to) going clockwise; `from === to` means all of them. */
export type SlotRange = { readonly from: number; readonly to: number };
