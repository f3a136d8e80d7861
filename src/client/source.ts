/**
 * What is to be stored, as chunks. A path can be read again when a store has to be tried a second time; a pipe
 * cannot, and its length is not known beforehand.
 */

import { createReadStream, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { concatBytes } from '../base/bytes.ts';
import { StoreError, UsageError } from '../base/errors.ts';
import { within } from '../net/wait.ts';
import type { StoreSource } from './types.ts';

export type OpenedSource = {
  /** Bytes; undefined for a pipe. */
  readonly size: number | undefined;
  readonly modifiedMs: number;
  readonly mode: number;
  /** Whether `pieces` may be called more than once. */
  readonly replayable: boolean;
  pieces(signal: AbortSignal | undefined): AsyncIterable<Uint8Array>;
};

/** @throws UsageError when a path cannot be read or is no file */
export async function openSource(source: StoreSource, chunkBytes: number): Promise<OpenedSource> {
  if (source instanceof Uint8Array) {
    return { size: source.length, modifiedMs: 0, mode: 0, replayable: true, pieces: () => piecesOf(source) };
  }
  if ('path' in source) return openPath(source.path, chunkBytes);
  const pieces = (signal: AbortSignal | undefined) => interruptible(source, signal);
  return { size: undefined, modifiedMs: 0, mode: 0, replayable: false, pieces };
}

async function openPath(path: string, chunkBytes: number): Promise<OpenedSource> {
  let found: Stats;
  try {
    found = await stat(path);
  } catch (cause) {
    throw new StoreError('FAILED', `cannot read ${path}: ${reasonOf(cause)}`, cause);
  }
  if (found.isDirectory()) throw new UsageError(`${path} is a directory, not a file`);
  const regular = found.isFile();
  return {
    size: regular ? found.size : undefined,
    modifiedMs: regular ? Math.max(0, Math.round(found.mtimeMs)) : 0,
    mode: regular ? found.mode & 0o777 : 0,
    replayable: regular,
    // A read takes a buffer of this size, used or not: thousands of small files must not take a whole chunk each.
    pieces: (signal) => readPath(path, regular ? Math.min(chunkBytes, found.size + 1) : chunkBytes, signal),
  };
}

async function* readPath(
  path: string,
  readBytes: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: readBytes, signal }) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason;
    throw new StoreError('FAILED', `cannot read ${path}: ${reasonOf(cause)}`, cause);
  }
}

/** The pieces of a source that may be silent for long: once the signal is aborted nobody waits for the next one. */
async function* interruptible(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const step = await within(iterator.next(), { timeoutMs: Infinity, signal }, 'the next piece');
      ended = step.done === true;
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    // A source that is silent hears of it with its next piece.
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/**
 * Cuts pieces of any size into chunks of exactly `chunkBytes`; the last may be shorter, and there is always one, so
 * that an empty file has one empty chunk. A piece that is a whole chunk already passes uncopied.
 */
export async function* inChunks(pieces: AsyncIterable<Uint8Array>, chunkBytes: number): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let chunks = 0;
  for await (const piece of pieces) {
    let rest = piece;
    while (waitingBytes + rest.length >= chunkBytes) {
      const head = rest.subarray(0, chunkBytes - waitingBytes);
      rest = rest.subarray(head.length);
      yield waitingBytes === 0 ? head : concatBytes([...waiting, head]);
      chunks++;
      waiting = [];
      waitingBytes = 0;
    }
    if (rest.length > 0) {
      // The piece's owner may use its buffer again, so what has to wait is copied.
      waiting.push(rest.slice());
      waitingBytes += rest.length;
    }
  }
  if (waitingBytes > 0 || chunks === 0) yield concatBytes(waiting);
}

export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'ENOSPC':
      return 'no space left on the disk';
    case 'ENOTDIR':
      return 'a part of the path is not a directory';
    case 'ENAMETOOLONG':
      return 'the path is too long';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
