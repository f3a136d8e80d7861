/**
 * Takes a file, or a removal: tells the writer the present state of the name, stages the content, checks the signed
 * record against it, and commits. Nothing of it is seen by anybody before the commit.
 */

import {
  BadMessageError,
  NotFoundError,
  NotReadyError,
  StreamClosedError,
  TooFewReplicasError,
} from '../base/errors.ts';
import { keyOfName } from '../id/key.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import type { StagedFile } from '../store/staged-file.ts';
import { encodeContact } from '../wire/contact.ts';
import { decodeWith } from '../wire/decode.ts';
import { encodeFileAnswer, type FileRequest, type Holding } from '../wire/file.ts';
import { Trailer } from '../wire/generated/file.ts';
import { ENVELOPE_BYTES_MAX } from '../wire/limits.ts';
import { openRecord, type SignedRecord } from '../wire/record.ts';
import { checkSuccession } from '../wire/succession.ts';
import { ANSWER_TIMEOUT_MS, CONTENT_IDLE_TIMEOUT_MS, type FileContext } from './file-context.ts';
import { holdingOf, newestForWriting } from './newest.ts';

type PutRequest = Extract<FileRequest, { type: 'put' }>;
type RemoveRequest = Extract<FileRequest, { type: 'remove' }>;

/** Copies that this version of the program keeps: the root's. */
const COPIES_KEPT = 1;
/** A trailer is one envelope and a few bytes around it. */
const TRAILER_BYTES_MAX = ENVELOPE_BYTES_MAX + 64;

const WAIT = { timeoutMs: ANSWER_TIMEOUT_MS };

export async function servePut(context: FileContext, stream: FrameStream, request: PutRequest): Promise<void> {
  if (await redirected(context, stream, request.name)) return;
  if (request.waitFor > COPIES_KEPT) {
    const asked = String(request.waitFor);
    throw new TooFewReplicasError(
      `${asked} copies must be safe before the store is done, and only 1 can be kept; nothing was changed`,
    );
  }
  const highest = holdingOf(await newestForWriting(context, request.name));
  const { chunkBytes } = context.parameters;
  const { sizeHint } = request;
  const staged = await context.storage.stage({ chunkBytes, ...(sizeHint === undefined ? {} : { sizeHint }) });
  try {
    await stream.writeFrame(encodeFileAnswer({ type: 'put-ready', highest }), WAIT);
    await receiveContent(stream, staged, chunkBytes);
    const record = await receiveRecord(context, stream, request.name, highest);
    if (record.tombstone || record.chunkBytes !== chunkBytes)
      throw new BadMessageError('a record that does not fit a store');
    await staged.finish();
    await context.storage.commit(staged, record);
  } catch (error) {
    await staged.discard();
    throw error;
  }
  await sendReceipt(context, stream);
}

export async function serveRemove(context: FileContext, stream: FrameStream, request: RemoveRequest): Promise<void> {
  if (await redirected(context, stream, request.name)) return;
  const highest = holdingOf(await newestForWriting(context, request.name));
  if (highest === undefined || highest.tombstone) throw new NotFoundError(`there is no file "${request.name}"`);
  await stream.writeFrame(encodeFileAnswer({ type: 'put-ready', highest }), WAIT);
  const record = await receiveRecord(context, stream, request.name, highest);
  if (!record.tombstone) throw new BadMessageError('a record that does not fit a removal');
  await context.storage.commitTombstone(record);
  await sendReceipt(context, stream);
}

/** Sends the writer to the root, if that is somebody else. */
async function redirected(context: FileContext, stream: FrameStream, name: string): Promise<boolean> {
  const key = keyOfName(context.idSpace, name);
  if (context.ring.isRoot(key)) return false;
  const closest = context.ring.closest(key);
  if (closest.peerId === context.ring.self.peerId) {
    throw new NotReadyError('this peer cannot tell yet whether it is the root of the name');
  }
  await stream.writeFrame(encodeFileAnswer({ type: 'redirect', contact: encodeContact(closest), holder: false }), WAIT);
  return true;
}

/** Passes content on to the staged file until the empty frame that ends it; one write is under way at a time. */
async function receiveContent(stream: FrameStream, staged: StagedFile, chunkBytes: number): Promise<void> {
  let written = Promise.resolve();
  try {
    for (;;) {
      const parts = await stream.readFrameParts(chunkBytes, { timeoutMs: CONTENT_IDLE_TIMEOUT_MS });
      if (parts === undefined) throw new StreamClosedError('the writer went away in the middle of the content');
      await written;
      if (parts.every((part) => part.length === 0)) return;
      written = staged.write(parts);
      // Awaited before the next one; until then a failure must not count as unhandled.
      written.catch(() => undefined);
    }
  } finally {
    await written;
  }
}

async function receiveRecord(
  context: FileContext,
  stream: FrameStream,
  name: string,
  highest: Holding | undefined,
): Promise<SignedRecord> {
  const frame = await stream.readFrame(TRAILER_BYTES_MAX, { timeoutMs: CONTENT_IDLE_TIMEOUT_MS });
  if (frame === undefined) throw new StreamClosedError('the writer went away before it signed');
  const record = openRecord(decodeWith(Trailer, frame, TRAILER_BYTES_MAX, 'trailer').record, context.networkId);
  if (record.name !== name) throw new BadMessageError('a record of another name than the one that was announced');
  checkSuccession(highest, record);
  return record;
}

async function sendReceipt(context: FileContext, stream: FrameStream): Promise<void> {
  const { nodeId, peerId } = context.ring.self;
  await stream.writeFrame(encodeFileAnswer({ type: 'receipt', replicas: [{ nodeId, peerId }] }), WAIT);
}
