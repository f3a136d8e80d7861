/**
 * The sender's side of a copy that goes along a chain of replicas: the bytes go to the first, which passes them on
 * while it receives them, and so on; what each of them says comes back the same way. So the sender sends every byte
 * once, however many copies there are. A link that breaks costs the copies behind it; the sender never fails by that,
 * it learns which ones were not made.
 */

import { StreamClosedError, StoreError, UnreachableError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import type { StreamLease, StreamPool } from '../net/stream-pool.ts';
import { END_OF_CONTENT } from '../wire/file.ts';
import { REPLICA_FRAME_BYTES_MAX } from '../wire/limits.ts';
import { decodeReplicaAnswer, encodeReplicaRecord, encodeReplicaRequest, encodeVerdict } from '../wire/replica.ts';

/** A replica that is alive is there within this. */
const OPEN_TIMEOUT_MS = 5_000;
/** One that takes nothing for this long has stopped; disks may be slow. */
const LINK_TIMEOUT_MS = 20_000;
/** From the end of the content until all have staged, and from the word to commit until all have: the slowest disk. */
const PHASE_TIMEOUT_MS = 60_000;

/** What became of one copy; the promises give the reason why not. They never reject. */
export type Copy = {
  readonly contact: Contact;
  readonly staged: Promise<StoreError | undefined>;
  readonly committed: Promise<StoreError | undefined>;
};

type Pending = Copy & {
  readonly resolveStaged: (error: StoreError | undefined) => void;
  readonly resolveCommitted: (error: StoreError | undefined) => void;
  phase: 'sent' | 'staged' | 'over';
};

export class ReplicaChain {
  readonly #copies: readonly Pending[];
  readonly #opening: Promise<StreamLease | undefined>;
  /** Writes follow one another. */
  #writing: Promise<void> = Promise.resolve();
  #deadline: NodeJS.Timeout | undefined;
  #hasDecided = false;

  /** Begins at once. With no members it is a chain that takes everything and does nothing. */
  constructor(pool: StreamPool, members: readonly Contact[], name: string, sizeHint: number | undefined) {
    this.#copies = members.map(pendingCopy);
    this.#opening = this.#open(pool, members, name, sizeHint);
  }

  get copies(): readonly Copy[] {
    return this.#copies;
  }

  /** Passes the next chunk on. Resolves when it may be followed by another; never rejects. */
  write(parts: readonly Uint8Array[]): Promise<void> {
    return this.#send((stream) => stream.writeFrame(parts, { timeoutMs: LINK_TIMEOUT_MS }));
  }

  /** Ends the content. What becomes of it, the copies' promises tell. */
  finish(envelope: Uint8Array): Promise<void> {
    this.#expectAll();
    return this.#send((stream) =>
      stream.writeFrames([END_OF_CONTENT, encodeReplicaRecord(envelope)], { timeoutMs: LINK_TIMEOUT_MS }),
    );
  }

  /** Has each commit that has staged, or will have. */
  commit(): Promise<void> {
    this.#expectAll();
    return this.#send((stream) => {
      this.#hasDecided = true;
      return stream.writeFrame(encodeVerdict(true), { timeoutMs: LINK_TIMEOUT_MS });
    });
  }

  /** Ends what is under way: nobody commits any more who has not been told to. */
  async abort(): Promise<void> {
    clearTimeout(this.#deadline);
    this.#fail(new StreamClosedError('it was given up'));
    (await this.#opening)?.discard();
  }

  #expectAll(): void {
    clearTimeout(this.#deadline);
    if (this.over) return;
    this.#deadline = setTimeout(() => void this.abort(), PHASE_TIMEOUT_MS).unref();
  }

  async #open(
    pool: StreamPool,
    [first, ...rest]: readonly Contact[],
    name: string,
    sizeHint: number | undefined,
  ): Promise<StreamLease | undefined> {
    if (first === undefined) return undefined;
    try {
      const lease = await pool.lease(first, { timeoutMs: OPEN_TIMEOUT_MS });
      const request = encodeReplicaRequest({ type: 'replicate', name, sizeHint, chain: rest });
      await lease.stream.writeFrame(request, { timeoutMs: LINK_TIMEOUT_MS });
      void this.#listen(lease);
      return lease;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  async #send(write: (stream: FrameStream) => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const lease = await this.#opening;
      if (lease === undefined || this.over) return;
      try {
        await write(lease.stream);
      } catch (error) {
        this.#fail(error);
        lease.discard();
      }
    });
    await this.#writing;
  }

  /** Takes in what the replicas say, until each has said its last word. */
  async #listen(lease: StreamLease): Promise<void> {
    try {
      while (!this.over) {
        const frame = await lease.stream.readFrame(REPLICA_FRAME_BYTES_MAX, { timeoutMs: Infinity });
        if (frame === undefined) throw new StreamClosedError('a replica went away');
        const answer = decodeReplicaAnswer(frame);
        if (answer.type === 'failure') throw answer.error;
        if (answer.type !== 'state') throw new StreamClosedError(`a replica answered with a ${answer.type}`);
        this.#take(answer.nodeId, answer.error);
      }
      // Where nobody has staged there is nothing to commit; but the first of the chain waits for the word.
      if (!this.#hasDecided) await lease.stream.writeFrame(encodeVerdict(false), { timeoutMs: LINK_TIMEOUT_MS });
      lease.release();
    } catch (error) {
      this.#fail(error);
      lease.discard();
    } finally {
      clearTimeout(this.#deadline);
    }
  }

  #take(nodeId: number, error: StoreError | undefined): void {
    const copy = this.#copies.find(({ contact, phase }) => contact.nodeId === nodeId && phase !== 'over');
    if (copy === undefined) throw new StreamClosedError('a replica speaks for somebody else');
    const staging = copy.phase === 'sent';
    copy.phase = staging && error === undefined ? 'staged' : 'over';
    if (staging) copy.resolveStaged(error);
    if (copy.phase === 'over') copy.resolveCommitted(error);
  }

  /** Nobody takes anything any more. */
  get over(): boolean {
    return this.#copies.every(({ phase }) => phase === 'over');
  }

  #fail(cause: unknown): void {
    if (!(cause instanceof StoreError)) throw cause;
    for (const copy of this.#copies) {
      if (copy.phase === 'over') continue;
      copy.phase = 'over';
      const error = new UnreachableError(`a replica could not be reached: ${cause.message}`, cause);
      copy.resolveStaged(error);
      copy.resolveCommitted(error);
    }
  }
}

function pendingCopy(contact: Contact): Pending {
  const staged = Promise.withResolvers<StoreError | undefined>();
  const committed = Promise.withResolvers<StoreError | undefined>();
  return {
    contact,
    staged: staged.promise,
    committed: committed.promise,
    resolveStaged: staged.resolve,
    resolveCommitted: committed.resolve,
    phase: 'sent',
  };
}
