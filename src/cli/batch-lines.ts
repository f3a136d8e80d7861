/**
 * What a batch says: one operation a line, `put NAME PATH`, `get NAME PATH` or `rm NAME`. Words are separated by blanks;
 * inside double quotes blanks are ordinary, and a backslash takes the next character as it is, there and elsewhere. A
 * word that begins with # begins a comment. Lines are read as they come, so that a batch may be a pipe without end.
 */

import { createReadStream } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import { UsageError } from '../base/errors.ts';
import { checkName } from '../id/key.ts';

export type BatchOperation =
  | { readonly op: 'put' | 'get'; readonly name: string; readonly path: string }
  | { readonly op: 'rm'; readonly name: string };

/** A line's number, from 1, with its operation or what is wrong with it. */
export type BatchLine = { readonly line: number } & (
  BatchOperation | { readonly op: 'none'; readonly name: string; readonly error: unknown }
);

const STDIN = '-';
/** A name and a path of full length, escaped. */
const LINE_BYTES_MAX = 16 * 1024;
const NEWLINE = 0x0a;

/** The lines of a file, or of stdin for `-`, that say something. */
export async function* readBatch(file: string, signal: AbortSignal): AsyncGenerator<BatchLine> {
  const stream = addAbortSignal(signal, file === STDIN ? process.stdin : createReadStream(file));
  let line = 0;
  for await (const bytes of linesOf(stream as AsyncIterable<Uint8Array>)) {
    line++;
    try {
      const operation = parseLine(textOf(bytes));
      if (operation !== undefined) yield { line, ...operation };
    } catch (error) {
      yield { line, op: 'none', name: file, error };
    }
  }
}

async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = Buffer.alloc(0);
  for await (const piece of pieces) {
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      yield Buffer.concat([rest, piece.subarray(from, end)]);
      rest = Buffer.alloc(0);
      from = end + 1;
    }
    // What is too long already is kept just long enough to be refused.
    if (rest.length <= LINE_BYTES_MAX) rest = Buffer.concat([rest, piece.subarray(from)]);
  }
  if (rest.length > 0) yield rest;
}

/** @throws UsageError */
function textOf(bytes: Uint8Array): string {
  if (bytes.length > LINE_BYTES_MAX) throw new UsageError('the line is too long');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch (error) {
    throw new UsageError('the line is not UTF-8', error);
  }
}

/** @returns undefined for a line that says nothing. @throws UsageError, InvalidNameError */
export function parseLine(text: string): BatchOperation | undefined {
  const [op, name, path, ...more] = wordsOf(text);
  if (op === undefined) return undefined;
  if (op !== 'put' && op !== 'get' && op !== 'rm') {
    throw new UsageError(`"${op}" is no operation; there are put NAME PATH, get NAME PATH and rm NAME`);
  }
  const complete = name !== undefined && (path !== undefined) === (op !== 'rm') && more.length === 0;
  if (!complete) {
    const form = op === 'rm' ? 'rm NAME' : `${op} NAME PATH`;
    throw new UsageError(`the line must be ${form}; put quotes around what has blanks`);
  }
  checkName(name);
  if (op === 'rm') return { op, name };
  if (path === undefined || path === '' || path === '-')
    throw new UsageError(`${op} in a batch needs the path of a file`);
  return { op, name, path };
}

/** @throws UsageError for a quote or a backslash without its end */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quoted = false;
  const characters = text.replace(/\r$/, '')[Symbol.iterator]();
  for (const character of characters) {
    const blank = !quoted && (character === ' ' || character === '\t');
    if (blank) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === '#' && word === undefined) {
      return words;
    } else if (character === '"') {
      quoted = !quoted;
      word ??= '';
    } else if (character === '\\') {
      const next = characters.next();
      if (next.done === true) throw new UsageError('a backslash at the end of the line');
      word = (word ?? '') + next.value;
    } else word = (word ?? '') + character;
  }
  if (quoted) throw new UsageError('a quote is not closed');
  if (word !== undefined) words.push(word);
  return words;
}
