/**
 * A replica's side of a store or a removal: stages its copy and passes the bytes on to those behind it in the chain,
 * tells the sender what became of each copy, and commits when it is told to. A sender that goes away before that has
 * given the copy up.
 */

import { BadMessageError, StoreError, StreamClosedError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { GatheredWrites } from '../net/gathered-writes.ts';
import { openRecord, type SignedRecord } from '../wire/record.ts';
import {
  decodeReplicaRecord,
  decodeVerdict,
  encodeReplicaAnswer,
  REPLICA_RECORD_BYTES_MAX,
  VERDICT_BYTES_MAX,
  type ReplicaRequest,
} from '../wire/replica.ts';
import { checkCopy } from '../wire/succession.ts';
import type { FileContext } from './file-context.ts';
import { ANSWER_TIMEOUT_MS, CONTENT_IDLE_TIMEOUT_MS } from './protocol-rules.ts';
import { setAsideDisplaced } from './displaced.ts';
import { OwnCopy } from './own-copy.ts';
import { receiveContent } from './receive-content.ts';
import { ReplicaChain, type Copy } from './replica-chain.ts';

type ReplicateRequest = Extract<ReplicaRequest, { type: 'replicate' }>;

/** The sender may try others in the meantime, one after the other. */
const VERDICT_TIMEOUT_MS = 180_000;

export async function serveReplicate(
  context: FileContext,
  stream: FrameStream,
  request: ReplicateRequest,
): Promise<void> {
  const { storage, parameters, replicaStreams } = context;
  const { chunkBytes } = parameters;
  const { name, sizeHint, chain: rest } = request;
  const chain = new ReplicaChain(replicaStreams, rest, name, sizeHint);
  const own = await OwnCopy.begin(storage, { chunkBytes, sizeHint });
  try {
    const answers = new Answers(stream);
    // The sender may have to refuse the writer, and had better know it before all has been sent. A removal takes no room.
    const refusal = sizeHint === 0 ? undefined : own.failure;
    if (refusal !== undefined) await answers.refuse(context.ring.self, refusal);
    await receiveContent(stream, [own, chain], chunkBytes);
    const record = await receiveRecord(context, stream, name);
    const self = stagedCopy(context, own, record);
    void chain.finish(record.envelope);
    const untold = [...(refusal === undefined ? [self] : []), ...chain.copies];
    const staged = Promise.all(untold.map((copy) => answers.tellStaged(copy)));
    staged.catch(() => undefined); // The verdict does not come either, then.
    if (!(await receiveVerdict(stream))) {
      await Promise.all([own.discard(), chain.abort()]);
      return;
    }
    void chain.commit();
    self.commit();
    await staged;
    await Promise.all([self, ...chain.copies].map((copy) => answers.tellCommitted(copy)));
  } catch (error) {
    await Promise.all([own.discard(), chain.abort()]);
    throw error;
  }
}

/** This peer's copy, seen like those of the others. */
function stagedCopy(context: FileContext, own: OwnCopy, record: SignedRecord): Copy & { commit(): void } {
  const verdict = Promise.withResolvers<undefined>();
  const staged = own.finish(record);
  const commit = async (): Promise<StoreError | undefined> => {
    await verdict.promise;
    const failure = await staged;
    if (failure !== undefined) return failure;
    try {
      await setAsideDisplaced(context.storage, context.log, record);
      await own.commit(record, checkCopy);
      context.repair.onCopy(record);
      return undefined;
    } catch (error) {
      if (error instanceof StoreError) return error;
      throw error;
    }
  };
  return { contact: context.ring.self, staged, committed: commit(), commit: () => verdict.resolve(undefined) };
}

/** What is said to the sender, in the order in which it becomes known. */
class Answers {
  readonly #writes: GatheredWrites;

  constructor(stream: FrameStream) {
    this.#writes = new GatheredWrites(stream, { timeoutMs: ANSWER_TIMEOUT_MS });
  }

  refuse(self: Contact, error: StoreError): Promise<void> {
    return this.#tell(self.nodeId, error);
  }

  async tellStaged({ contact, staged }: Copy): Promise<void> {
    await this.#tell(contact.nodeId, await staged);
  }

  /** One that was not staged has said so already. */
  async tellCommitted({ contact, staged, committed }: Copy): Promise<void> {
    if ((await staged) === undefined) await this.#tell(contact.nodeId, await committed);
  }

  #tell(nodeId: number, error: StoreError | undefined): Promise<void> {
    return this.#writes.write(encodeReplicaAnswer({ type: 'state', nodeId, error }));
  }
}

async function receiveRecord(context: FileContext, stream: FrameStream, name: string): Promise<SignedRecord> {
  const frame = await stream.readFrame(REPLICA_RECORD_BYTES_MAX, { timeoutMs: CONTENT_IDLE_TIMEOUT_MS });
  if (frame === undefined) throw new StreamClosedError('the sender went away before the record came');
  const record = openRecord(decodeReplicaRecord(frame), context.networkId);
  if (record.name !== name) throw new BadMessageError('a record of another name than the one that was announced');
  return record;
}

async function receiveVerdict(stream: FrameStream): Promise<boolean> {
  const frame = await stream.readFrame(VERDICT_BYTES_MAX, { timeoutMs: VERDICT_TIMEOUT_MS });
  if (frame === undefined) throw new StreamClosedError('the sender gave the copy up');
  return decodeVerdict(frame);
}
