/**
 * Stores one file: learns the present version from the root, sends the content while hashing it, signs a version above
 * the present one, and waits for the receipt. Up to the moment when the signed record goes out a failure changes
 * nothing and may be tried again; after it, only an answer tells what became of the file.
 */

import { randomBytes } from 'node:crypto';
import { pipe } from 'it-pipe';
import { toHex } from '../base/bytes.ts';
import { BadMessageError, NotReadyError, type StoreError, StreamClosedError, UsageError } from '../base/errors.ts';
import { checkName } from '../id/key.ts';
import { formatVersion, parseVersion, VERSION_TAG_BYTES } from '../id/version.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import type { Wait } from '../net/wait.ts';
import { decodeFileAnswer, encodeResumeFrom, END_OF_CONTENT, type FileAnswer, type KeptChunks } from '../wire/file.ts';
import { majorityOf, type WriteCondition } from '../wire/holding.ts';
import { Trailer } from '../wire/generated/file.ts';
import { FILE_FRAME_BYTES_MAX } from '../wire/limits.ts';
import { signRecord, type SignedRecord } from '../wire/record.ts';
import { ContentHasher } from './content-hasher.ts';
import { consentFor, nextVersion, staysShared } from './next-version.ts';
import { withRetries } from './retry.ts';
import { expectAnswer, type Arrival, type Session } from './session.ts';
import { inChunks, openSource, type OpenedSource } from './source.ts';
import { outcome } from './store-outcome.ts';
import type { StoreOptions, StoreReceipt, StoreSource, WaitFor } from './types.ts';
import { Upload } from './upload.ts';

/** A root takes in what it is sent, or says why not, within this. Its disk may be slow. */
const CONTENT_TIMEOUT_MS = 120_000;

type Begin = { readonly from: number; readonly hasher: ContentHasher };
type Ready = Extract<FileAnswer, { type: 'put-ready' }>;

/** What one store keeps through its attempts. */
type Store = {
  readonly session: Session;
  readonly name: string;
  source: OpenedSource;
  /** What makes it possible to go on with it, where that is. */
  upload: Upload | undefined;
  readonly replicas: number;
  readonly waitFor: number;
  /** Drawn once: a repeated attempt is the same version. */
  readonly tag: Uint8Array;
  readonly options: StoreOptions;
  readonly condition: WriteCondition;
  /** Content has been taken from the source. */
  begun: boolean;
};

export async function storeFile(
  session: Session,
  name: string,
  source: StoreSource,
  options: StoreOptions,
): Promise<StoreReceipt> {
  const startedAt = performance.now();
  checkName(name);
  const replicas = options.replicas ?? session.parameters.replicas;
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > session.parameters.leafSetHalf) {
    throw new UsageError(
      `the number of replicas must be from 1 to ${String(session.parameters.leafSetHalf)} in this network`,
    );
  }
  const condition = conditionOf(options);
  const opened = await openSource(source, session.parameters.chunkBytes);
  const store: Store = {
    session,
    name,
    source: opened,
    upload: await Upload.open(session, name, opened),
    replicas,
    waitFor: copiesToWaitFor(options.wait ?? 'quorum', replicas),
    tag: randomBytes(VERSION_TAG_BYTES),
    options,
    condition,
    begun: false,
  };
  const mayRepeat = () => store.source.replayable || !store.begun;
  // Once content was sent there were peers enough; one of them has gone, and the ring will find another.
  const alsoPassing = ({ code }: StoreError) => code === 'TOO_FEW_REPLICAS' && store.begun;
  const retry = { log: session.log, signal: options.signal, mayRepeat, alsoPassing };
  const storing = withRetries(`storing "${name}"`, retry, async () => {
    if (store.upload?.isStale === true) await openAnew(store, source);
    return attempt(store);
  });
  const { arrival, record, replicas: kept } = await untilEnd(store, storing);
  return {
    name,
    ...arrival.route,
    version: formatVersion(record.version),
    size: record.size,
    sha256: toHex(record.sha256),
    root: session.nameOf(arrival.root),
    replicas: kept.map((replica) => session.nameOf(replica)),
    ms: Math.round(performance.now() - startedAt),
  };
}

/** As another upload, for the file is not what it was. */
async function openAnew(store: Store, source: StoreSource): Promise<void> {
  await store.upload?.end();
  store.upload = undefined;
  store.source = await openSource(source, store.session.parameters.chunkBytes);
  store.upload = await Upload.open(store.session, store.name, store.source);
}

async function untilEnd<T>(store: Store, storing: Promise<T>): Promise<T> {
  try {
    const stored = await storing;
    await store.upload?.end();
    return stored;
  } catch (error) {
    await store.upload?.end(error);
    throw error;
  }
}

function conditionOf({ ifAbsent = false, ifVersion }: StoreOptions): WriteCondition {
  if (ifVersion === undefined) return ifAbsent ? 'absent' : 'any';
  const version = parseVersion(ifVersion);
  if (version === undefined) throw new UsageError(`"${ifVersion}" is no version; stat gives the present one`);
  if (ifAbsent) throw new UsageError('a file cannot be absent and have a version; give one of the two conditions');
  return version;
}

function copiesToWaitFor(wait: WaitFor, replicas: number): number {
  if (wait === 'one') return 1;
  return wait === 'all' ? replicas : majorityOf(replicas);
}

type Outcome = {
  readonly arrival: Arrival;
  readonly record: SignedRecord;
  readonly replicas: readonly { readonly nodeId: number; readonly peerId: string }[];
};

async function attempt(store: Store): Promise<Outcome> {
  const { session, name, options } = store;
  const { replicas, waitFor, condition } = store;
  const { size: sizeHint } = store.source;
  const { upload } = store;
  await upload?.catchUp(options.signal);
  const request = { type: 'put', name, sizeHint, replicas, waitFor, condition, uploadId: upload?.id } as const;
  const arrival = await session.arrive(name, request, options.signal);
  const { lease } = arrival;
  try {
    const ready = expectAnswer(arrival.answer, 'put-ready');
    const begin = await beginAt(store, lease.stream, ready.kept);
    // The root answers once: with the receipt at the end, or with a failure at any time, which stops the sending.
    const refused = new AbortController();
    const answer = nextAnswer(lease.stream);
    answer.then(
      (early) => {
        if (early.type === 'failure') refused.abort(early.error);
      },
      (error: unknown) => refused.abort(error),
    );
    const signal = options.signal === undefined ? refused.signal : AbortSignal.any([refused.signal, options.signal]);
    const record = await sendSigned(store, lease.stream, ready, begin, signal);
    const receipt = expectAnswer(await outcome(store, record, answer), 'receipt');
    lease.release();
    return { arrival, record, replicas: receipt.replicas };
  } catch (error) {
    lease.discard();
    throw error;
  }
}

/** Where the content is sent from, and who hashes it, standing there. */
async function beginAt(store: Store, stream: FrameStream, kept: KeptChunks | undefined): Promise<Begin> {
  const { session, source, upload, options } = store;
  if (upload === undefined) {
    if (kept !== undefined) throw new BadMessageError('the peer goes on with an upload that has no id');
    return { from: 0, hasher: new ContentHasher() };
  }
  const { hasher } = upload;
  const chunks = await upload.agree(kept, options.signal);
  const wait = { timeoutMs: CONTENT_TIMEOUT_MS, signal: options.signal };
  if (kept !== undefined) await stream.writeFrame(encodeResumeFrom(chunks), wait);
  if (chunks === 0) return { from: 0, hasher };
  await untilThere(stream, chunks, wait);
  const from = chunks * session.parameters.chunkBytes;
  options.onResume?.(from, source.size ?? from);
  options.onProgress?.(from, source.size);
  return { from, hasher };
}

/** Until the root has brought what it has to the other replicas, too. */
async function untilThere(stream: FrameStream, chunks: number, wait: Wait): Promise<void> {
  for (let there = 0; there < chunks;) {
    const frame = await stream.readFrame(FILE_FRAME_BYTES_MAX, wait);
    if (frame === undefined) throw new StreamClosedError('the peer went away before it went on');
    const answer = decodeFileAnswer(frame);
    // It has thrown that away, and the next attempt is from the beginning.
    if (answer.type === 'failure' && answer.error.code === 'CONTENT_CORRUPT') {
      throw new NotReadyError(`what had been kept is damaged: ${answer.error.message}`, answer.error);
    }
    if (answer.type === 'failure') throw answer.error;
    there = expectAnswer(answer, 'resuming').chunks;
  }
}

async function nextAnswer(stream: FrameStream): Promise<FileAnswer> {
  const frame = await stream.readFrame(FILE_FRAME_BYTES_MAX, { timeoutMs: Infinity });
  if (frame === undefined) throw new StreamClosedError('the peer went away before it answered');
  return decodeFileAnswer(frame);
}

/** Sends the content and the signed record that ends it. */
async function sendSigned(
  store: Store,
  stream: FrameStream,
  { highest, record: present, inDoubt }: Ready,
  { from, hasher }: Begin,
  signal: AbortSignal,
): Promise<SignedRecord> {
  const { session, source, upload, name } = store;
  const wait = { timeoutMs: CONTENT_TIMEOUT_MS, signal };
  // One chunk is held back, so that the last one, the end mark and the record leave together.
  let held: Uint8Array | undefined;
  store.begun = true;
  await pipe(
    source.pieces(signal, from),
    (pieces) => inChunks(pieces, session.parameters.chunkBytes),
    async (chunks) => {
      for await (const chunk of chunks) {
        if (held !== undefined) await stream.writeFrame(held, wait);
        // Nothing at all has one chunk, which is empty; nothing more has none.
        if (from > 0 && chunk.length === 0) return;
        hasher.add(chunk);
        await upload?.note();
        held = chunk;
        store.options.onProgress?.(hasher.size, source.size);
      }
    },
  );
  await upload?.checkSource();
  const record = signRecord(session.key, {
    networkId: session.reader.networkId,
    name,
    version: nextVersion(highest, store.tag, inDoubt),
    tombstone: false,
    ...hasher.finish(),
    chunkBytes: session.parameters.chunkBytes,
    replicas: store.replicas,
    modifiedMs: source.modifiedMs,
    mode: source.mode,
    shared: store.options.shared ?? staysShared(highest),
    formerOwnerConsent: consentFor(session.key, present, session.reader.networkId),
  });
  const trailer = Trailer.encode({ record: record.envelope });
  const last = held === undefined || held.length === 0 ? [] : [held];
  await stream.writeFrames([...last, END_OF_CONTENT, trailer], wait);
  return record;
}
