/** Serves a file's content: the record, the chunk hashes where there are several, then the chunks of the range. */

import {
  BadMessageError,
  ContentCorruptError,
  NotFoundError,
  NotReadyError,
  StoreError,
  StreamClosedError,
} from '../base/errors.ts';
import { concatBytes } from '../base/bytes.ts';
import { keyOfName } from '../id/key.ts';
import { compareVersions, formatVersion } from '../id/version.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import type { StoredContent } from '../store/stored-content.ts';
import { encodeContact } from '../wire/contact.ts';
import { encodeFileAnswer, END_OF_CONTENT, type FileAnswer, type FileRequest, type ReplicaName } from '../wire/file.ts';
import { HASHES_PER_PAGE } from '../wire/limits.ts';
import type { SignedRecord } from '../wire/record.ts';
import type { FileContext } from './file-context.ts';
import { ANSWER_TIMEOUT_MS, isViolation } from './protocol-rules.ts';
import { setAsideDamaged } from './serve-check.ts';
import { newestByMajority, newestForReading } from './newest.ts';

type GetRequest = Extract<FileRequest, { type: 'get' }>;
type StatRequest = Extract<FileRequest, { type: 'stat' }>;

/** Either the record that this peer answers with, or the answer that sends the asker elsewhere. */
type Resolved = { readonly record: SignedRecord } | { readonly redirect: FileAnswer };

/**
 * Decides who answers for a name.
 *
 * @throws NotFoundError, NotReadyError
 */
async function resolve(context: FileContext, name: string, localOnly: boolean): Promise<Resolved> {
  if (localOnly) {
    const record = await context.storage.record(name);
    if (record === undefined || record.tombstone) throw notFound(name);
    return { record };
  }
  const { ring } = context;
  const key = keyOfName(context.idSpace, name);
  const isRoot = ring.isRoot(key);
  const closest = ring.closest(key);
  if (!isRoot && closest.peerId !== ring.self.peerId) {
    return { redirect: { type: 'redirect', contact: encodeContact(closest), holder: false } };
  }
  if (!ring.active()) throw new NotReadyError('this peer has not joined the ring yet, or has left it');
  const newest = await (isRoot ? newestForReading(context, name) : newestByMajority(context, name));
  if (newest.where === 'nowhere') throw notFound(name);
  if (newest.where === 'here') {
    if (newest.record.tombstone) throw notFound(name);
    return { record: newest.record };
  }
  if (newest.holding.tombstone) throw notFound(name);
  return { redirect: { type: 'redirect', contact: encodeContact(newest.holder), holder: true } };
}

export async function serveGet(context: FileContext, stream: FrameStream, request: GetRequest): Promise<void> {
  const wait = { timeoutMs: ANSWER_TIMEOUT_MS };
  const resolved = await resolve(context, request.name, request.localOnly);
  if ('redirect' in resolved) {
    await stream.writeFrame(encodeFileAnswer(resolved.redirect), wait);
    return;
  }
  const { record } = resolved;
  if (request.version !== undefined && compareVersions(request.version, record.version) !== 0) {
    throw new NotFoundError(`version ${formatVersion(request.version)} of "${request.name}" is not here any more`);
  }
  if (request.offset % record.chunkBytes !== 0 || request.offset > record.size) {
    throw new BadMessageError('a range must begin at a chunk of the file');
  }
  const content = await openOrHeal(context, record);
  try {
    const { chunkHashes } = content;
    const answer = encodeFileAnswer({ type: 'content', record: record.envelope, chunkCount: chunkHashes.length });
    await stream.writeFrame(answer, wait);
    if (chunkHashes.length > 1) {
      for (let i = 0; i < chunkHashes.length; i += HASHES_PER_PAGE) {
        await stream.writeFrame(concatBytes(chunkHashes.slice(i, i + HASHES_PER_PAGE)), wait);
      }
    }
    const length = Math.min(request.length === 0 ? Infinity : request.length, record.size - request.offset);
    await sendContent(context, stream, content, request.offset, length);
    await stream.writeFrame(END_OF_CONTENT, wait);
  } finally {
    await content.close();
  }
}

/** A chunk that cannot be read cuts the stream, so that the reader asks again; a message in its place would pass for content. */
async function sendContent(
  context: FileContext,
  stream: FrameStream,
  content: StoredContent,
  offset: number,
  length: number,
): Promise<void> {
  try {
    for await (const chunk of content.read(offset, length)) {
      await stream.writeFrame(chunk, { timeoutMs: ANSWER_TIMEOUT_MS });
    }
  } catch (error) {
    if (!(error instanceof StoreError) || isViolation(error)) throw error;
    const { name } = content.record;
    context.log.warn('not-read', { name, code: error.code, message: error.message });
    // Of the only copy the reader is to hear that it is damaged.
    if (error instanceof ContentCorruptError && !(await setAsideDamaged(context, content.record))) throw error;
    throw new StreamClosedError(`"${name}" cannot be read to its end`, error);
  }
}

/** @throws NotReadyError when the copy is damaged and another one takes its place: ask again */
async function openOrHeal(context: FileContext, record: SignedRecord): Promise<StoredContent> {
  try {
    return await context.storage.openContent(record);
  } catch (error) {
    if (!(error instanceof ContentCorruptError) || !(await setAsideDamaged(context, record))) throw error;
    throw new NotReadyError(`the copy of "${record.name}" was damaged here and is fetched anew`, error);
  }
}

export async function serveStat(context: FileContext, stream: FrameStream, request: StatRequest): Promise<void> {
  const resolved = await resolve(context, request.name, request.localOnly);
  const answer: FileAnswer =
    'redirect' in resolved
      ? resolved.redirect
      : {
          type: 'stat',
          record: resolved.record.envelope,
          replicas: holdersOf(context, resolved.record, request.localOnly),
        };
  await stream.writeFrame(encodeFileAnswer(answer), { timeoutMs: ANSWER_TIMEOUT_MS });
}

function notFound(name: string): NotFoundError {
  return new NotFoundError(`there is no file "${name}"`);
}

/** Who should hold it, as far as this peer can tell; asked about itself, it speaks for itself. */
function holdersOf({ ring, placement, idSpace }: FileContext, record: SignedRecord, localOnly: boolean): ReplicaName[] {
  const key = keyOfName(idSpace, record.name);
  const holders = (localOnly ? undefined : placement.present(key, record.replicas)) ?? [ring.self];
  return holders.map(({ nodeId, peerId }) => ({ nodeId, peerId }));
}
