/**
 * A file's name as a path below `files/`: `<ab>/<safe name>`, <ab> being the first byte of the file's key. Ordinary
 * names stay as they are; everything else is made safe so that no two names share a path, on a file system that
 * folds case or normalises Unicode either, and no name leads out of its directory.
 *
 * Why no two can meet: the name can be read back from the path after any such folding. Bytes that are unsafe, and
 * characters that folding could change, stand as %XX (RFC 3986), so that the rest is a fixed point of folding except
 * for the case of ASCII letters; which of those are capitals is noted behind the marker `%+`, as a bitmap in hex:
 * `README.md` becomes `README.md%+fc`. What is too long for a file system is cut and carries the SHA-256 of the whole
 * name behind the marker `%-`. Neither marker can come out of the percent-encoding.
 *
 * Which characters folding changes is the running Unicode version's word and may change with it. So a path is made
 * once, when a name is first stored, and kept in the catalog from then on.
 */

import { hash } from 'node:crypto';

const FILE_NAME_BYTES_MAX = 255;
const CASE_MARKER = '%+';
const CUT_MARKER = '%-';
const HASH_HEX_DIGITS = 64;

/** Names that need nothing done to them; they are most. */
const PLAIN = /^[a-z0-9_][a-z0-9_ .+,=@~()[\]{}-]*(?<![ .])$/;
/** Refused or special on one system or another. */
const UNSAFE_ASCII = /[%/\\:*?"<>|\p{Cc}]/u;
/** Invisible, unassigned or private characters, odd spaces, and what some file systems ignore when comparing. */
const UNSAFE_UNICODE = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;
/** Device names of Windows, with any extension. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)/i;
const ENCODED_BYTE = /%[0-9A-F]{2}/g;

/** @param name a file name that passed `checkName` */
export function safePath(name: string): string {
  const digest = hash('sha256', name, 'hex');
  return `${digest.slice(0, 2)}/${safeName(name, digest)}`;
}

function safeName(name: string, digest: string): string {
  if (PLAIN.test(name) && name.length <= FILE_NAME_BYTES_MAX && !RESERVED.test(name)) return name;
  const body = encodeAll(name);
  const whole = body + caseSuffix(body);
  if (Buffer.byteLength(whole) <= FILE_NAME_BYTES_MAX) return whole;
  const room = FILE_NAME_BYTES_MAX - CUT_MARKER.length - HASH_HEX_DIGITS;
  return cut(body, room) + CUT_MARKER + digest;
}

/** Encodes as little as makes the rest a fixed point of folding, ASCII capitals aside. */
function encodeAll(name: string): string {
  const raw = Array.from(name);
  const characters = raw.map((character, index) => {
    const unsafe = !isSafe(character) || isUnsafeAt(index, raw) || (index === 0 && RESERVED.test(name));
    return unsafe ? encode(character) : character;
  });
  const body = characters.join('');
  if (isFixed(body)) return body;
  // Characters that are stable one by one, but not beside each other: combining marks first, then all but ASCII.
  const withoutMarks = characters.map((character) => (/^\p{M}$/u.test(character) ? encode(character) : character));
  if (isFixed(withoutMarks.join(''))) return withoutMarks.join('');
  return characters.map((character) => (isAscii(character) ? character : encode(character))).join('');
}

/** A leading dot would hide the file or be `..`; a dot or space at the end is dropped on some systems. */
function isUnsafeAt(index: number, characters: readonly string[]): boolean {
  const character = characters[index] ?? '';
  return (index === 0 && character === '.') || (index === characters.length - 1 && /[. ]/.test(character));
}

function isSafe(character: string): boolean {
  if (isAscii(character)) return !UNSAFE_ASCII.test(character);
  return !UNSAFE_UNICODE.test(character) && isFixed(character);
}

function isAscii(text: string): boolean {
  return (text.codePointAt(0) ?? 0) < 0x80;
}

function isFixed(text: string): boolean {
  const lower = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return fold(lower) === lower;
}

/**
 * One representative for all texts that any usual file system takes for the same name: coarser than simple or full
 * case folding and than each of the normal forms. Lower case is made character by character, because that of a
 * whole text depends on context (the final sigma).
 */
function fold(text: string): string {
  const upper = text.normalize('NFKD').toUpperCase();
  const lower = Array.from(upper, (character) => character.toLowerCase()).join('');
  return lower.normalize('NFKC');
}

function encode(character: string): string {
  let encoded = '';
  for (const byte of Buffer.from(character)) encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
}

/** One bit per ASCII letter, the first letter's highest, set for a capital; zero digits at the end are left out. */
function caseSuffix(body: string): string {
  const letters = body.replace(ENCODED_BYTE, '').replace(/[^A-Za-z]/g, '');
  if (!/[A-Z]/.test(letters)) return '';
  let digits = '';
  for (let i = 0; i < letters.length; i += 4) {
    let digit = 0;
    for (let bit = 0; bit < 4; bit++) if (/[A-Z]/.test(letters.charAt(i + bit))) digit |= 8 >> bit;
    digits += digit.toString(16);
  }
  return CASE_MARKER + digits.replace(/0+$/, '');
}

/** The longest beginning of so many bytes that ends between two characters, encoded ones included. */
function cut(body: string, bytesMax: number): string {
  let bytes = 0;
  let end = 0;
  for (const [unit] of body.matchAll(/(?:%[0-9A-F]{2})+|[^%]/gu)) {
    const pieces = unit.startsWith('%') ? encodedCharacters(unit) : [unit];
    for (const piece of pieces) {
      bytes += Buffer.byteLength(piece);
      if (bytes > bytesMax) return body.slice(0, end);
      end += piece.length;
    }
  }
  return body;
}

/** Splits a run of encoded bytes where characters begin: before every byte that continues none. */
function encodedCharacters(run: string): string[] {
  return run.match(/%[0-7C-F][0-9A-F](?:%[89AB][0-9A-F])*/g) ?? [run];
}
