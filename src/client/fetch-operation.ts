/**
 * Fetches one file. The record's signature is checked first, then the list of chunk hashes against the record's Merkle
 * root, then each chunk against its hash, before a byte of it is handed on. When a peer goes away in the middle, the
 * next attempt goes on from the chunk reached, at the same version; so does the next fetch, where the sink still has what
 * an earlier one left.
 */

import { createHash } from 'node:crypto';
import { equalBytes, toHex } from '../base/bytes.ts';
import {
  BadMessageError,
  codeOf,
  ContentCorruptError,
  NotFoundError,
  NotReadyError,
  StoreError,
  StreamClosedError,
} from '../base/errors.ts';
import { checkName } from '../id/key.ts';
import { compareVersions, formatVersion, parseVersion, type Version } from '../id/version.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { HASH_BYTES, HASHES_PER_PAGE } from '../wire/limits.ts';
import { merkleRoot } from '../wire/merkle.ts';
import { chunkCount, openRecord, type SignedRecord } from '../wire/record.ts';
import { fileEntry } from './file-entry.ts';
import { isPassing, withRetries } from './retry.ts';
import { ANSWER_TIMEOUT_MS, expectAnswer, type Arrival, type Session } from './session.ts';
import type { FetchOptions, FetchReceipt, FetchSink, LeftContent } from './types.ts';

/** A peer that serves sends something of the next chunk within this; its disk may be slow. */
const CONTENT_TIMEOUT_MS = 60_000;

/** How far a fetch has come, through all its attempts. */
type Progress = {
  /** The version that was begun; later attempts stay with it. */
  record: SignedRecord | undefined;
  /** Chunks that the sink has taken. */
  chunks: number;
  /** What an earlier fetch has left, while nothing speaks against going on from there. */
  left: (LeftContent & { readonly pinned: Version }) | undefined;
};

export async function fetchFile(
  session: Session,
  name: string,
  sink: FetchSink,
  options: FetchOptions,
): Promise<FetchReceipt> {
  const startedAt = performance.now();
  checkName(name);
  const progress: Progress = { record: undefined, chunks: 0, left: await leftContent(session, name, sink) };
  const retry = { log: session.log, signal: options.signal };
  const { arrival, record } = await withRetries(`fetching "${name}"`, retry, () =>
    attempt(session, name, sink, progress, options),
  );
  return {
    name,
    ...arrival.route,
    version: formatVersion(record.version),
    size: record.size,
    sha256: toHex(record.sha256),
    from: session.nameOf(arrival.peer),
    ms: Math.round(performance.now() - startedAt),
  };
}

/** Where the sink can go on, if that fits this network. */
async function leftContent(session: Session, name: string, sink: FetchSink): Promise<Progress['left']> {
  const left = await sink.left?.(name);
  const pinned = left && parseVersion(left.version);
  const fits = left !== undefined && left.chunksLeft > 0 && left.chunkBytes === session.parameters.chunkBytes;
  return fits && pinned !== undefined ? { ...left, pinned } : undefined;
}

async function attempt(
  session: Session,
  name: string,
  sink: FetchSink,
  progress: Progress,
  options: FetchOptions,
): Promise<{ arrival: Arrival; record: SignedRecord }> {
  const { left } = progress;
  const [chunks, chunkBytes] =
    progress.record === undefined
      ? [left?.chunksLeft, left?.chunkBytes]
      : [progress.chunks, progress.record.chunkBytes];
  const request = {
    type: 'get',
    name,
    version: progress.record?.version ?? left?.pinned,
    offset: (chunks ?? 0) * (chunkBytes ?? 0),
    length: 0,
    localOnly: false,
  } as const;
  try {
    const arrival = await session.arrive(name, request, options.signal, { ...request, localOnly: true });
    return await take(arrival, session, name, sink, progress, options);
  } catch (error) {
    // What was left is of a version that is not to be had any more: then from the beginning.
    if (progress.record !== undefined || left === undefined || codeOf(error) !== 'NOT_FOUND') throw error;
    progress.left = undefined;
    return attempt(session, name, sink, progress, options);
  }
}

/** Takes the content from the peer that has it. */
async function take(
  arrival: Arrival,
  session: Session,
  name: string,
  sink: FetchSink,
  progress: Progress,
  options: FetchOptions,
): Promise<{ arrival: Arrival; record: SignedRecord }> {
  const { lease } = arrival;
  try {
    const content = expectAnswer(arrival.answer, 'content');
    const record = openRecord(content.record, session.reader.networkId);
    if (record.name !== name || record.tombstone) throw new BadMessageError('the peer answered with another record');
    const begun = progress.record?.version ?? progress.left?.pinned;
    if (begun !== undefined && compareVersions(begun, record.version) !== 0) {
      throw new NotFoundError(`"${name}" was changed while it was being fetched`);
    }
    const hashes = await receiveHashes(lease.stream, record, content.chunkCount, options.signal);
    if (progress.record === undefined) await begin(session, record, hashes.length, sink, progress, options);
    await receiveContent(lease.stream, record, hashes, sink, progress, options);
    lease.release();
    return { arrival, record };
  } catch (error) {
    lease.discard();
    if (error instanceof DamagedChunk) throw await afterReport(session, arrival, error, options.signal);
    throw error;
  }
}

/**
 * Has the peer look at its copy. If it sees the damage too, and others hold the file, it sets its copy aside, and the
 * next attempt goes on with one of those.
 */
async function afterReport(
  session: Session,
  { peer }: Arrival,
  damage: DamagedChunk,
  signal: AbortSignal | undefined,
): Promise<Error> {
  const { name, version } = damage.record;
  try {
    const request = { type: 'check', name, version, chunk: damage.chunk } as const;
    const { lease, answer } = await session.ask(peer, request, signal);
    lease.release();
    if (expectAnswer(answer, 'checked').setAside) return new NotReadyError(damage.message, damage);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    session.log.debug('damage-not-reported', { code: error.code, message: error.message });
    if (error.code === 'NOT_FOUND' || isPassing(error)) return new NotReadyError(damage.message, damage);
  }
  return damage;
}

/** Tells the sink what comes, and whether what was left counts. */
async function begin(
  session: Session,
  record: SignedRecord,
  chunks: number,
  sink: FetchSink,
  progress: Progress,
  options: FetchOptions,
): Promise<void> {
  const { version, chunkBytes } = record;
  const shape = { version: formatVersion(version), merkleRoot: toHex(record.merkleRoot), chunkBytes, chunks };
  const { left } = progress;
  if (left !== undefined && (left.merkleRoot !== shape.merkleRoot || left.chunks !== chunks)) {
    throw new NotFoundError(`what was left of "${record.name}" is not of the version that it is said to be`);
  }
  await sink.start?.(fileEntry(session.reader.idSpace, record), shape, left?.chunksLeft ?? 0);
  progress.record = record;
  progress.chunks = left?.chunksLeft ?? 0;
  if (left !== undefined) options.onResume?.(Math.min(progress.chunks * chunkBytes, record.size), record.size);
}

/** The hash of each chunk, checked against the record's Merkle root. */
async function receiveHashes(
  stream: FrameStream,
  record: SignedRecord,
  count: number,
  signal: AbortSignal | undefined,
): Promise<readonly Uint8Array[]> {
  if (count !== chunkCount(record.size, record.chunkBytes)) {
    throw new BadMessageError('the peer answered with a number of chunks that does not fit the size');
  }
  if (count === 1) return [record.merkleRoot];
  const hashes: Uint8Array[] = [];
  while (hashes.length < count) {
    const page = await stream.readFrame(HASHES_PER_PAGE * HASH_BYTES, { timeoutMs: ANSWER_TIMEOUT_MS, signal });
    if (page === undefined) throw new StreamClosedError('the peer went away before the content');
    const expected = Math.min(HASHES_PER_PAGE, count - hashes.length) * HASH_BYTES;
    if (page.length !== expected) throw new BadMessageError('a page of chunk hashes has the wrong length');
    for (let at = 0; at < page.length; at += HASH_BYTES) hashes.push(page.slice(at, at + HASH_BYTES));
  }
  if (!equalBytes(merkleRoot(hashes), record.merkleRoot)) {
    throw new ContentCorruptError(`the list of chunk hashes of "${record.name}" does not fit its record`);
  }
  return hashes;
}

/** Hands chunks on as they are found right; the sink takes one while the next one arrives. */
async function receiveContent(
  stream: FrameStream,
  record: SignedRecord,
  hashes: readonly Uint8Array[],
  sink: FetchSink,
  progress: Progress,
  options: FetchOptions,
): Promise<void> {
  const wait = { timeoutMs: CONTENT_TIMEOUT_MS, signal: options.signal };
  let taken = Promise.resolve();
  try {
    for (let index = progress.chunks; index < hashes.length && record.size > 0; index++) {
      const parts = await stream.readFrameParts(record.chunkBytes, wait);
      if (parts === undefined) throw new StreamClosedError('the peer went away in the middle of the content');
      const digest = createHash('sha256');
      for (const part of parts) digest.update(part);
      const fits = equalBytes(digest.digest(), hashes[index] ?? new Uint8Array(0));
      await taken;
      if (!fits) throw new DamagedChunk(record, index);
      taken = sink.write(parts).then(() => {
        progress.chunks = index + 1;
        options.onProgress?.(Math.min(progress.chunks * record.chunkBytes, record.size), record.size);
      });
      // Awaited before the next one is handed on; until then a failure must not count as unhandled.
      taken.catch(() => undefined);
    }
  } finally {
    await taken;
  }
  const end = await stream.readFrame(0, wait);
  if (end === undefined) throw new StreamClosedError('the peer went away before the end of the content');
}

/** A peer sent something else than what the owner stored. */
class DamagedChunk extends ContentCorruptError {
  readonly record: SignedRecord;
  readonly chunk: number;

  constructor(record: SignedRecord, chunk: number) {
    const from = chunk * record.chunkBytes;
    const to = Math.min(from + record.chunkBytes, record.size);
    super(
      `the copy of "${record.name}" is damaged (bytes ${String(from)} to ${String(to)}), and there is no other copy`,
    );
    this.record = record;
    this.chunk = chunk;
  }
}
