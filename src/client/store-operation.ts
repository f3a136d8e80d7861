/**
 * Stores one file: learns the present version from the root, sends the content while hashing it, signs a version above
 * the present one, and waits for the receipt. Up to the moment when the signed record goes out a failure changes
 * nothing and may be tried again; after it, only an answer tells what became of the file.
 */

import { createHash, hash, randomBytes } from 'node:crypto';
import { pipe } from 'it-pipe';
import { toHex, equalBytes } from '../base/bytes.ts';
import { NotReadyError, OutcomeUnknownError, StoreError, StreamClosedError, UsageError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { checkName, keyOfName } from '../id/key.ts';
import { compareVersions, formatVersion, parseVersion, VERSION_TAG_BYTES } from '../id/version.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { within } from '../net/wait.ts';
import { decodeFileAnswer, END_OF_CONTENT, type FileAnswer } from '../wire/file.ts';
import type { WriteCondition } from '../wire/holding.ts';
import { Trailer } from '../wire/generated/file.ts';
import { FILE_FRAME_BYTES_MAX } from '../wire/limits.ts';
import { merkleRoot } from '../wire/merkle.ts';
import { openRecord, signRecord, type FileRecord, type SignedRecord } from '../wire/record.ts';
import { consentFor, nextVersion, staysShared } from './next-version.ts';
import { isPassing, withRetries } from './retry.ts';
import { expectAnswer, type Arrival, type PlainAnswer, type Session } from './session.ts';
import { inChunks, openSource, type OpenedSource } from './source.ts';
import type { StoreOptions, StoreReceipt, StoreSource, WaitFor } from './types.ts';

/** A root takes in what it is sent, or says why not, within this. Its disk may be slow. */
const CONTENT_TIMEOUT_MS = 120_000;
/** How long a peer that went away before its receipt is given to come back and tell. */
const OUTCOME_PATIENCE_MS = 10_000;

type Ready = Extract<FileAnswer, { type: 'put-ready' }>;
type Sent = Pick<FileRecord, 'size' | 'sha256' | 'merkleRoot'>;

/** What one store keeps through its attempts. */
type Store = {
  readonly session: Session;
  readonly name: string;
  readonly source: OpenedSource;
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
  const store: Store = {
    session,
    name,
    source: await openSource(source, session.parameters.chunkBytes),
    replicas,
    waitFor: copiesToWaitFor(options.wait ?? 'quorum', replicas),
    tag: randomBytes(VERSION_TAG_BYTES),
    options,
    condition: conditionOf(options),
    begun: false,
  };
  const mayRepeat = () => store.source.replayable || !store.begun;
  // Once content was sent there were peers enough; one of them has gone, and the ring will find another.
  const alsoPassing = ({ code }: StoreError) => code === 'TOO_FEW_REPLICAS' && store.begun;
  const retry = { log: session.log, signal: options.signal, mayRepeat, alsoPassing };
  const { arrival, record, replicas: kept } = await withRetries(`storing "${name}"`, retry, () => attempt(store));
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

function conditionOf({ ifAbsent = false, ifVersion }: StoreOptions): WriteCondition {
  if (ifVersion === undefined) return ifAbsent ? 'absent' : 'any';
  const version = parseVersion(ifVersion);
  if (version === undefined) throw new UsageError(`"${ifVersion}" is no version; stat gives the present one`);
  if (ifAbsent) throw new UsageError('a file cannot be absent and have a version; give one of the two conditions');
  return version;
}

function copiesToWaitFor(wait: WaitFor, replicas: number): number {
  if (wait === 'one') return 1;
  return wait === 'all' ? replicas : Math.floor(replicas / 2) + 1;
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
  const request = { type: 'put', name, sizeHint, replicas, waitFor, condition } as const;
  const arrival = await session.arrive(name, request, options.signal);
  const { lease } = arrival;
  try {
    const ready = expectAnswer(arrival.answer, 'put-ready');
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
    const record = await sendSigned(store, lease.stream, ready, signal);
    const receipt = expectAnswer(await outcome(store, record, answer), 'receipt');
    lease.release();
    return { arrival, record, replicas: receipt.replicas };
  } catch (error) {
    lease.discard();
    throw error;
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
  { highest, record: present }: Ready,
  signal: AbortSignal,
): Promise<SignedRecord> {
  const { session, source, name } = store;
  const wait = { timeoutMs: CONTENT_TIMEOUT_MS, signal };
  const hasher = new ContentHasher();
  // One chunk is held back, so that the last one, the end mark and the record leave together.
  let held: Uint8Array | undefined;
  store.begun = true;
  await pipe(
    source.pieces(signal),
    (pieces) => inChunks(pieces, session.parameters.chunkBytes),
    async (chunks) => {
      for await (const chunk of chunks) {
        if (held !== undefined) await stream.writeFrame(held, wait);
        hasher.add(chunk);
        held = chunk;
        store.options.onProgress?.(hasher.size, source.size);
      }
    },
  );
  const record = signRecord(session.key, {
    networkId: session.reader.networkId,
    name,
    version: nextVersion(highest, store.tag),
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

/** The SHA-256 of the whole and of each chunk; content of a single chunk is hashed once. */
class ContentHasher {
  size = 0;
  readonly #whole = createHash('sha256');
  readonly #chunkHashes: Uint8Array[] = [];
  #first: Uint8Array | undefined;

  add(chunk: Uint8Array): void {
    this.size += chunk.length;
    this.#chunkHashes.push(hash('sha256', chunk, 'buffer'));
    if (this.#chunkHashes.length === 1) {
      this.#first = chunk;
      return;
    }
    if (this.#first !== undefined) this.#whole.update(this.#first);
    this.#first = undefined;
    this.#whole.update(chunk);
  }

  finish(): Sent {
    const root = merkleRoot(this.#chunkHashes);
    return { size: this.size, merkleRoot: root, sha256: this.#chunkHashes.length === 1 ? root : this.#whole.digest() };
  }
}

/** The receipt; where the connection ends without one, whether the version has appeared all the same. */
async function outcome(store: Store, record: SignedRecord, answering: Promise<FileAnswer>): Promise<PlainAnswer> {
  const { name, options } = store;
  let answer: FileAnswer;
  try {
    answer = await within(answering, { timeoutMs: CONTENT_TIMEOUT_MS, signal: options.signal }, 'the receipt');
  } catch (error) {
    if (!isPassing(error)) throw error;
    const kept = await findVersion(store, record);
    if (kept !== undefined) return kept;
    throw new OutcomeUnknownError(
      `"${name}" may have been stored, whole, or not: the peer went away before it answered (${error.message}). ` +
        'Fetch the file to see, or store it again.',
      error,
    );
  }
  // What the root refuses it has not done.
  if (answer.type === 'failure') throw answer.error;
  return answer;
}

/** A receipt for the version, if as many peers hold it as were asked for, or undefined if that cannot be seen now. */
async function findVersion(
  { session, name, waitFor, options: { signal } }: Store,
  record: SignedRecord,
): Promise<PlainAnswer | undefined> {
  const retry = { log: session.log, signal, patienceMs: OUTCOME_PATIENCE_MS };
  try {
    return await withRetries('looking for the outcome', retry, async () => {
      const { replicaSet } = await session.entry.locate(keyOfName(session.reader.idSpace, name), signal);
      const holding = await Promise.all(replicaSet.map((peer) => holdsVersion(session, peer, record, signal)));
      const replicas = replicaSet.filter((_, index) => holding[index]);
      if (replicas.length < waitFor) throw new NotReadyError(`only ${String(replicas.length)} peers have it`);
      return { type: 'receipt', replicas: replicas.map(({ nodeId, peerId }) => ({ nodeId, peerId })) };
    });
  } catch (error) {
    if (signal?.aborted === true || !(error instanceof StoreError)) throw error;
    return undefined;
  }
}

async function holdsVersion(
  session: Session,
  peer: Contact,
  { name, version, owner }: SignedRecord,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    const { lease, answer } = await session.ask(peer, { type: 'stat', name, localOnly: true }, signal);
    lease.release();
    const present = openRecord(expectAnswer(answer, 'stat').record, session.reader.networkId);
    return compareVersions(present.version, version) === 0 && equalBytes(present.owner, owner);
  } catch (error) {
    if (signal?.aborted === true || !(error instanceof StoreError)) throw error;
    return false;
  }
}
