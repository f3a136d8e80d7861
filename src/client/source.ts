/**
 * What is to be stored, as chunks. A path can be read again when a store has to be tried a second time; a pipe
 * cannot, and its length is not known beforehand.
 */

import { createReadStream, type BigIntStats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { concatBytes } from '../base/bytes.ts';
import { StoreError, UsageError } from '../base/errors.ts';
import { within } from '../net/wait.ts';
import type { StoreSource } from './types.ts';

/** One piece is being read, one was handed out last, and the one before may still be on its way out. */
const READ_BUFFERS = 3;
const NANOSECONDS_PER_MS = 1e6;

export type OpenedSource = {
  /** Bytes; undefined for a pipe. */
  readonly size: number | undefined;
  readonly modifiedMs: number;
  readonly mode: number;
  /** Whether `pieces` may be called more than once. */
  readonly replayable: boolean;
  /** Of an ordinary file. */
  readonly file: SourceFile | undefined;
  /**
   * Each piece stays as it is until the one after the next is asked for; its buffer may be used again then.
   *
   * @param from bytes that are passed over; only of what is replayable
   */
  pieces(signal: AbortSignal | undefined, from?: number): AsyncIterable<Uint8Array>;
};

export type SourceFile = {
  /** Absolute. */
  readonly path: string;
  readonly size: number;
  /** Differs when it is another file, or was written to since. */
  readonly fingerprint: string;
};

/** @throws UsageError when a path cannot be read or is no file */
export async function openSource(source: StoreSource, chunkBytes: number): Promise<OpenedSource> {
  if (source instanceof Uint8Array) {
    const pieces = (_: unknown, from = 0) => piecesOf(source.subarray(from));
    return { size: source.length, modifiedMs: 0, mode: 0, replayable: true, file: undefined, pieces };
  }
  if ('path' in source) return openPath(source.path, chunkBytes);
  const pieces = (signal: AbortSignal | undefined) => interruptible(source, signal);
  return { size: undefined, modifiedMs: 0, mode: 0, replayable: false, file: undefined, pieces };
}

async function openPath(path: string, chunkBytes: number): Promise<OpenedSource> {
  const found = await named(path, stat(path, { bigint: true }));
  if (found.isDirectory()) throw new UsageError(`${path} is a directory, not a file`);
  if (!found.isFile()) {
    const pieces = (signal: AbortSignal | undefined) => readPipe(path, signal);
    return { size: undefined, modifiedMs: 0, mode: 0, replayable: false, file: undefined, pieces };
  }
  const size = Number(found.size);
  // One byte more than the file has, so that a small one takes a small buffer and a single read.
  const pieceBytes = Math.min(chunkBytes, size + 1);
  return {
    size,
    modifiedMs: Math.max(0, Math.round(Number(found.mtimeNs) / NANOSECONDS_PER_MS)),
    mode: Number(found.mode) & 0o777,
    replayable: true,
    file: { path: resolve(path), size, fingerprint: fingerprintOf(found) },
    pieces: (signal, from = 0) => readFile(path, size, pieceBytes, from, signal),
  };
}

/** Whether a file is the very same as it was when it was opened as a source. */
export async function isUnchanged({ path, fingerprint }: SourceFile): Promise<boolean> {
  return fingerprintOf(await named(path, stat(path, { bigint: true }))) === fingerprint;
}

/** Whoever writes to a file can set back when it was changed, but not when its inode was. */
function fingerprintOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/**
 * Reads a file one piece ahead of whoever takes them. The three buffers take turns, for new ones for every MiB would
 * cost about as much again in page faults as the reading itself.
 */
async function* readFile(
  path: string,
  size: number,
  pieceBytes: number,
  from: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const file = await named(path, open(path));
  const buffers: Buffer[] = [];
  let position = from;
  const fill = async (turn: number): Promise<Uint8Array> => {
    const buffer = (buffers[turn % READ_BUFFERS] ??= Buffer.allocUnsafeSlow(pieceBytes));
    let filled = 0;
    while (filled < pieceBytes) {
      const { bytesRead } = await file.read(buffer, filled, pieceBytes - filled, position);
      position += bytesRead;
      filled += bytesRead;
      // The file may have grown since its size was taken; its end is where a read says so.
      if (bytesRead === 0 || (bytesRead < pieceBytes && position >= size)) break;
    }
    return buffer.subarray(0, filled);
  };
  let ahead = fill(0);
  try {
    for (let turn = 1; ; turn++) {
      const piece = await named(path, ahead);
      if (signal?.aborted === true) throw signal.reason;
      const whole = piece.length === pieceBytes;
      if (whole) {
        ahead = fill(turn);
        ahead.catch(() => undefined); // Whoever takes the next piece gets the error.
      }
      if (piece.length > 0) yield piece;
      if (!whole) return;
    }
  } finally {
    await Promise.allSettled([ahead]);
    await file.close();
  }
}

async function* readPipe(path: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { signal }) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason;
    throw unreadable(path, cause);
  }
}

async function named<T>(path: string, access: Promise<T>): Promise<T> {
  try {
    return await access;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): StoreError {
  return new StoreError('FAILED', `cannot read ${path}: ${reasonOf(cause)}`, cause);
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
      // The piece's owner may use its buffer again, so what has to wait is copied (a Buffer's `slice` would not).
      waiting.push(new Uint8Array(rest));
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
