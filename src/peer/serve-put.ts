/**
 * Takes a file, or a removal, as its root: tells the writer the present state of the name, has the content staged here
 * and by the other replicas, checks the signed record, and has all commit. Nothing of it is seen by anybody before that.
 */

import {
  BadMessageError,
  NotFoundError,
  NotReadyError,
  StreamClosedError,
  TooFewReplicasError,
} from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import type { Key } from '../id/id-space.ts';
import { keyOfName } from '../id/key.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { encodeContact } from '../wire/contact.ts';
import { decodeWith } from '../wire/decode.ts';
import { encodeFileAnswer, type FileRequest, type KeptChunks } from '../wire/file.ts';
import { Trailer } from '../wire/generated/file.ts';
import { majorityOf, type Holding } from '../wire/holding.ts';
import { ENVELOPE_BYTES_MAX } from '../wire/limits.ts';
import { openRecord, type SignedRecord } from '../wire/record.ts';
import { checkCondition, checkWrite, isOpenToOthers } from '../wire/succession.ts';
import { askReplica } from './ask-replica.ts';
import type { FileContext } from './file-context.ts';
import { goOn } from './go-on.ts';
import { ANSWER_TIMEOUT_MS, CONTENT_IDLE_TIMEOUT_MS } from './protocol-rules.ts';
import { holdingOf, newestForReading, newestOf, whoMayKnowBetter, type Newest } from './newest.ts';
import { OwnCopy } from './own-copy.ts';
import { receiveContent } from './receive-content.ts';
import { Replication } from './replication.ts';

type PutRequest = Extract<FileRequest, { type: 'put' }>;
type RemoveRequest = Extract<FileRequest, { type: 'remove' }>;

/** A trailer is one envelope and a few bytes around it. */
const TRAILER_BYTES_MAX = ENVELOPE_BYTES_MAX + 64;

const WAIT = { timeoutMs: ANSWER_TIMEOUT_MS };
const NO_RECORD = new Uint8Array(0);

export async function servePut(context: FileContext, stream: FrameStream, request: PutRequest): Promise<void> {
  const { name, sizeHint, waitFor, condition, uploadId } = request;
  const key = keyOfName(context.idSpace, name);
  if (await redirected(context, stream, key)) return;
  const newest = await newestOf(context, name);
  checkCondition(holdingOf(newest), condition, name);
  const replicas = request.replicas === 0 ? context.parameters.replicas : request.replicas;
  const { chunkBytes } = context.parameters;
  const own = await OwnCopy.begin(context.storage, { chunkBytes, sizeHint, uploadId });
  // Those who hold more copies of the former version learn that it is superseded. One more peer stands in for a full root.
  const count = Math.max(replicas, holdingOf(newest)?.replicas ?? 0) + (own.failure === undefined ? 0 : 1);
  const targets = replicaSet(context, key, count);
  try {
    checkEnough(own, waitFor, targets.length);
  } catch (error) {
    await own.discard();
    throw error;
  }
  const copies = new Replication(context, own, { key, name, sizeHint, targets, waitFor, condition });
  try {
    const { kept } = own;
    const highest = await sendReady(context, stream, name, newest, kept);
    if (kept !== undefined) await goOn(stream, own, kept, copies.chain);
    const receiving = receiveContent(stream, [own, copies.chain], chunkBytes);
    receiving.catch(() => undefined); // It may be left behind.
    await Promise.race([receiving, copies.hopeless()]);
    const record = await receiveRecord(context, stream, name, highest);
    if (record.tombstone || record.chunkBytes !== chunkBytes) {
      throw new BadMessageError('a record that does not fit a store');
    }
    if (record.replicas !== replicas) throw new BadMessageError('a record with another number of copies than was said');
    await finish(copies, record, stream);
  } catch (error) {
    await copies.abort(error);
    throw error;
  }
}

export async function serveRemove(context: FileContext, stream: FrameStream, request: RemoveRequest): Promise<void> {
  const { name } = request;
  const key = keyOfName(context.idSpace, name);
  if (await redirected(context, stream, key)) return;
  const newest = await newestForReading(context, name);
  const present = holdingOf(newest);
  if (present === undefined || present.tombstone) throw new NotFoundError(`there is no file "${name}"`);
  const targets = replicaSet(context, key, present.replicas);
  // As many as a store waits for that nobody said otherwise of; but what is gone from all who are there is removed.
  const waitFor = Math.min(majorityOf(present.replicas), targets.length);
  const highest = await sendReady(context, stream, name, newest);
  const record = await receiveRecord(context, stream, name, highest);
  if (!record.tombstone) throw new BadMessageError('a record that does not fit a removal');
  const own = OwnCopy.ofRemoval(context.storage);
  const copies = new Replication(context, own, { key, name, sizeHint: 0, targets, waitFor, condition: 'any' });
  try {
    await finish(copies, record, stream);
  } catch (error) {
    await copies.abort(error);
    throw error;
  }
}

async function finish(copies: Replication, record: SignedRecord, stream: FrameStream): Promise<void> {
  await copies.stage(record);
  const holders = await copies.commit(record);
  const replicas = holders.map(({ nodeId, peerId }) => ({ nodeId, peerId }));
  await stream.writeFrame(encodeFileAnswer({ type: 'receipt', replicas }), WAIT);
}

/** Sends the writer to the root, if that is somebody else. */
async function redirected(context: FileContext, stream: FrameStream, key: Key): Promise<boolean> {
  if (context.ring.isRoot(key)) return false;
  const closest = context.ring.closest(key);
  if (closest.peerId === context.ring.self.peerId) {
    throw new NotReadyError('this peer cannot tell yet whether it is the root of the name');
  }
  await stream.writeFrame(encodeFileAnswer({ type: 'redirect', contact: encodeContact(closest), holder: false }), WAIT);
  return true;
}

function replicaSet({ placement, ring }: FileContext, key: Key, k: number): readonly Contact[] {
  const present = placement.present(key, k);
  if (present === undefined) throw new NotReadyError('this peer cannot tell yet who holds the copies');
  // A root that is leaving is not one of the set; it is the root until it has left.
  return present.some(({ peerId }) => peerId === ring.self.peerId) ? present : [ring.self, ...present];
}

/** @throws TooFewReplicasError; NoSpaceError when the room that this peer lacks cannot be found elsewhere */
function checkEnough({ failure }: OwnCopy, waitFor: number, available: number): void {
  if (failure !== undefined && (failure.code !== 'NO_SPACE' || available - 1 < waitFor)) throw failure;
  if (available >= waitFor) return;
  const there = available === 1 ? 'only one peer is there' : `only ${String(available)} peers are there`;
  throw new TooFewReplicasError(
    `${String(waitFor)} copies must be safe before the store is done, and ${there}; nothing was changed. ` +
      'Start more peers, or ask for less with --wait one or --replicas.',
  );
}

/** Tells the writer what is there, so that it can sign a version above it. @returns what it was told */
async function sendReady(
  context: FileContext,
  stream: FrameStream,
  name: string,
  newest: Newest,
  kept?: KeptChunks,
): Promise<Holding | undefined> {
  const highest = holdingOf(newest);
  const record = await recordForWriter(context, newest);
  const inDoubt = whoMayKnowBetter(context, name).length > 0;
  await stream.writeFrame(encodeFileAnswer({ type: 'put-ready', highest, record, kept, inDoubt }), WAIT);
  return highest;
}

/** The present record's envelope, where a writer needs it. */
async function recordForWriter({ replicaQuestions }: FileContext, newest: Newest): Promise<Uint8Array> {
  if (newest.where === 'nowhere') return NO_RECORD;
  if (newest.where === 'here') {
    const { record } = newest;
    return isOpenToOthers(record) || record.formerOwnerConsent.length > 0 ? record.envelope : NO_RECORD;
  }
  const request = { type: 'record', name: newest.name } as const;
  return (await askReplica(replicaQuestions, newest.holder, request, 'record')).envelope;
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
  checkWrite(highest, record);
  return record;
}
