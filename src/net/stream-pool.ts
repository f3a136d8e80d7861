/**
 * Streams that are kept between operations: opening one costs a round trip and about a millisecond, an operation on an
 * open one a tenth of that. One operation at a time has a stream; when it is released between two frames it waits,
 * bounded in time and number, for the next operation with the same host.
 *
 * A kept stream may have been closed by the other side just now: the lease says whether it is a reused one, so that
 * the caller may try once more.
 */

import { StreamClosedError } from '../base/errors.ts';
import type { FrameStream } from './frame-stream.ts';
import type { DialTarget } from './dial-target.ts';
import type { Host } from './host.ts';
import { Deadline, Pending, type Wait } from './wait.ts';

export type StreamPoolOptions = {
  /** How long a stream is kept for the next operation. */
  readonly idleTimeoutMs: number;
  /** Streams to one host, in use or kept. More leases wait for one to be given back. */
  readonly perPeerMax: number;
};

export type StreamLease = {
  readonly stream: FrameStream;
  /** An operation has used it before. */
  readonly reused: boolean;
  /** Gives it back; call it only between two operations, with everything read and written. */
  release(): void;
  /** Ends it: after a failure, or when the operation stopped in the middle. */
  discard(error?: Error): void;
};

/** How long the other side may take to close a stream that is not kept any longer. */
const FINISH_TIMEOUT_MS = 2_000;

type Idle = { readonly stream: FrameStream; readonly timer: NodeJS.Timeout };
type Slot = { used: number; readonly idle: Idle[]; readonly waiting: Pending[] };

export class StreamPool {
  readonly #host: Host;
  readonly #protocol: string;
  readonly #options: StreamPoolOptions;
  readonly #slots = new Map<string, Slot>();
  #closed = false;

  constructor(host: Host, protocol: string, options: StreamPoolOptions) {
    this.#host = host;
    this.#protocol = protocol;
    this.#options = options;
  }

  /** A stream to that host for one operation. Throws what `Host.open` throws. */
  async lease(target: DialTarget, wait: Wait): Promise<StreamLease> {
    if (this.#closed) throw new StreamClosedError('the streams of this host are closed');
    const deadline = new Deadline(wait);
    const key = target.peerId ?? target.addrs.join(' ');
    const slot = this.#slot(key);
    if (slot.used >= this.#options.perPeerMax) await this.#turn(slot, deadline);
    else slot.used++;
    const kept = takeUsable(slot);
    if (kept !== undefined) return this.#leaseOf(key, slot, kept, true);
    try {
      return this.#leaseOf(key, slot, await this.#host.open(target, this.#protocol, deadline.rest), false);
    } catch (error) {
      this.#free(key, slot);
      throw error;
    }
  }

  /** Ends the streams that are kept; those in use end when they are given back. */
  close(): void {
    this.#closed = true;
    for (const slot of this.#slots.values()) {
      for (const { stream, timer } of slot.idle.splice(0)) {
        clearTimeout(timer);
        void stream.finish({ timeoutMs: FINISH_TIMEOUT_MS });
      }
      for (const pending of slot.waiting.splice(0))
        pending.reject(new StreamClosedError('the streams of this host are closed'));
    }
  }

  #slot(key: string): Slot {
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = { used: 0, idle: [], waiting: [] };
      this.#slots.set(key, slot);
    }
    return slot;
  }

  /** Waits until somebody hands over their place. */
  async #turn(slot: Slot, deadline: Deadline): Promise<void> {
    const pending = new Pending(deadline.rest, 'waiting for a free stream');
    slot.waiting.push(pending);
    try {
      await pending.promise;
    } finally {
      const index = slot.waiting.indexOf(pending);
      if (index >= 0) slot.waiting.splice(index, 1);
    }
  }

  #leaseOf(key: string, slot: Slot, stream: FrameStream, reused: boolean): StreamLease {
    let over = false;
    const end = (then: () => void) => {
      if (over) return;
      over = true;
      then();
      this.#free(key, slot);
    };
    return {
      stream,
      reused,
      release: () => end(() => this.#keep(slot, stream)),
      discard: (error) => end(() => stream.abort(error ?? new StreamClosedError('the operation ended early'))),
    };
  }

  #keep(slot: Slot, stream: FrameStream): void {
    if (stream.closed) return;
    if (this.#closed || this.#options.idleTimeoutMs <= 0) {
      void stream.finish({ timeoutMs: FINISH_TIMEOUT_MS });
      return;
    }
    const timer = setTimeout(() => {
      const index = slot.idle.findIndex((idle) => idle.stream === stream);
      if (index >= 0) slot.idle.splice(index, 1);
      void stream.finish({ timeoutMs: FINISH_TIMEOUT_MS });
    }, this.#options.idleTimeoutMs);
    timer.unref();
    slot.idle.push({ stream, timer });
  }

  /** Passes a place on to who waits for it, or gives it up. */
  #free(key: string, slot: Slot): void {
    for (let next = slot.waiting.shift(); next !== undefined; next = slot.waiting.shift()) {
      if (next.settled) continue;
      next.resolve();
      return;
    }
    slot.used--;
    if (slot.used === 0 && slot.idle.length === 0) this.#slots.delete(key);
  }
}

/** The stream that was kept last, leaving out those that have died or on which something came unasked. */
function takeUsable(slot: Slot): FrameStream | undefined {
  for (let idle = slot.idle.pop(); idle !== undefined; idle = slot.idle.pop()) {
    clearTimeout(idle.timer);
    if (idle.stream.idle) return idle.stream;
    idle.stream.abort(new StreamClosedError('the other side closed the stream while it was kept'));
  }
  return undefined;
}
