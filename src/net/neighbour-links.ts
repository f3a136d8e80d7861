/**
 * Messages between neighbours of the overlay: fire and forget, many in flight, on one long-lived stream per neighbour,
 * whichever side opened it. Messages sent in one go of the event loop leave in one write. A neighbour that does not
 * keep up fills its own bounded queue and nobody else's; what does not fit is dropped and reported, as is a
 * neighbour that cannot be reached. The overlay's acks and timers make up for what is lost.
 */

import { assert, InvariantError } from '../base/assert.ts';
import { BusyError, codeOf, messageOf, StoreError, StreamClosedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Contact } from '../id/contact.ts';
import type { FrameStream } from './frame-stream.ts';
import type { Host } from './host.ts';
import type { RemoteIdentity } from './link.ts';

export type NeighbourLinksOptions = {
  /** One message from a neighbour. A StoreError thrown here ends that neighbour's stream and is logged. */
  onMessage(remote: RemoteIdentity, frame: Uint8Array): void;
  /** Messages to that neighbour were dropped: it cannot be reached, or (BusyError) does not keep up. */
  onUnreachable(contact: Contact, error: StoreError): void;
  readonly log: Log;
  readonly frameBytesMax: number;
  /** Bytes that may wait for one neighbour. */
  readonly queueBytesMax: number;
  /** Time for connecting, hello and stream. */
  readonly openTimeoutMs?: number;
  /** Time in which a neighbour must take in what was written. */
  readonly writeTimeoutMs?: number;
};

const OPEN_TIMEOUT_MS = 5_000;
const WRITE_TIMEOUT_MS = 10_000;
const FLUSH_POLL_MS = 5;
/** Messages that leave in one write, in bytes: enough to be cheap, little enough for back-pressure to be felt. */
const BATCH_BYTES = 128 * 1024;
/** Streams of one neighbour: one from each side, and as many again for the moment after a restart. */
const STREAMS_PER_CONNECTION_MAX = 4;

type Neighbour = {
  readonly peerId: string;
  contact: Contact | undefined;
  readonly streams: Set<FrameStream>;
  queue: Uint8Array[];
  queueBytes: number;
  writing: boolean;
  /** Messages are being dropped, which has been reported. */
  full: boolean;
};

export class NeighbourLinks {
  /** Settles once inbound streams are served. */
  readonly ready: Promise<void>;
  readonly #host: Host;
  readonly #protocol: string;
  readonly #options: NeighbourLinksOptions;
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #over = new AbortController();

  constructor(host: Host, protocol: string, options: NeighbourLinksOptions) {
    assert(options.frameBytesMax <= options.queueBytesMax, 'a message must fit into the queue');
    this.#host = host;
    this.#protocol = protocol;
    this.#options = options;
    this.#over.signal.addEventListener('abort', () => {});
    this.ready = host.handle(protocol, (stream, remote) => this.#serve(stream, remote), {
      maxInboundStreams: STREAMS_PER_CONNECTION_MAX,
    });
  }

  /** Sends a message, at some time soon, or drops it and reports so. Never waits and never throws for what a neighbour does. */
  send(to: Contact, frame: Uint8Array): void {
    assert(frame.length <= this.#options.frameBytesMax, `an overlay message of ${String(frame.length)} bytes`);
    if (this.#over.signal.aborted) return;
    const neighbour = this.#neighbour(to.peerId);
    neighbour.contact = to;
    if (neighbour.queueBytes + frame.length > this.#options.queueBytesMax) {
      this.#reportFull(neighbour, to);
      return;
    }
    neighbour.queue.push(frame);
    neighbour.queueBytes += frame.length;
    if (neighbour.writing) return;
    neighbour.writing = true;
    queueMicrotask(() => void this.#write(neighbour));
  }

  /** Settles when everything that was sent so far has left or was dropped, or the time is up. */
  async flush(timeoutMs: number): Promise<void> {
    const endsAt = performance.now() + timeoutMs;
    while (performance.now() < endsAt && [...this.#neighbours.values()].some(({ writing }) => writing)) {
      await new Promise((resolve) => setTimeout(resolve, FLUSH_POLL_MS));
    }
  }

  /** Ends all streams; what is queued is dropped without a report. */
  close(): void {
    this.#over.abort(new StreamClosedError('this host stops'));
    for (const neighbour of this.#neighbours.values()) {
      for (const stream of [...neighbour.streams]) stream.abort(new StreamClosedError('this host stops'));
    }
    this.#neighbours.clear();
  }

  #neighbour(peerId: string): Neighbour {
    let neighbour = this.#neighbours.get(peerId);
    if (neighbour === undefined) {
      neighbour = {
        peerId,
        contact: undefined,
        streams: new Set(),
        queue: [],
        queueBytes: 0,
        writing: false,
        full: false,
      };
      this.#neighbours.set(peerId, neighbour);
    }
    return neighbour;
  }

  #adopt(peerId: string, stream: FrameStream): void {
    const neighbour = this.#neighbour(peerId);
    neighbour.streams.add(stream);
    stream.onClosed(() => {
      neighbour.streams.delete(stream);
      this.#forgetIfIdle(neighbour);
    });
  }

  #forgetIfIdle(neighbour: Neighbour): void {
    if (neighbour.streams.size > 0 || neighbour.writing) return;
    if (this.#neighbours.get(neighbour.peerId) === neighbour) this.#neighbours.delete(neighbour.peerId);
  }

  async #serve(stream: FrameStream, remote: RemoteIdentity): Promise<void> {
    if (this.#over.signal.aborted) return;
    this.#adopt(remote.peerId, stream);
    await this.#readAll(stream, remote);
  }

  async #readAll(stream: FrameStream, remote: RemoteIdentity): Promise<void> {
    const wait = { timeoutMs: Infinity };
    for (;;) {
      const frame = await stream.readFrame(this.#options.frameBytesMax, wait);
      if (frame === undefined) return;
      this.#options.onMessage(remote, frame);
    }
  }

  /** Writes what is queued; opens a stream where there is none. One run per neighbour at a time. */
  async #write(neighbour: Neighbour): Promise<void> {
    try {
      while (neighbour.queue.length > 0) await this.#writeBatch(neighbour);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#drop(neighbour, error);
    } finally {
      neighbour.writing = false;
      this.#forgetIfIdle(neighbour);
    }
  }

  async #writeBatch(neighbour: Neighbour): Promise<void> {
    const kept = [...neighbour.streams].find((stream) => !stream.closed);
    const stream = kept ?? (await this.#open(neighbour));
    let count = 0;
    let bytes = 0;
    for (const frame of neighbour.queue) {
      if (count > 0 && bytes + frame.length > BATCH_BYTES) break;
      bytes += frame.length;
      count++;
    }
    const wait = { timeoutMs: this.#options.writeTimeoutMs ?? WRITE_TIMEOUT_MS, signal: this.#over.signal };
    try {
      await stream.writeFrames(neighbour.queue.slice(0, count), wait);
    } catch (error) {
      stream.abort(error as Error);
      // A stream that we had kept may have ended unnoticed: the next round opens a new one for the same messages.
      if (kept !== undefined && error instanceof StreamClosedError) return;
      throw error;
    }
    neighbour.queue.splice(0, count);
    neighbour.queueBytes -= bytes;
    neighbour.full = false;
  }

  async #open(neighbour: Neighbour): Promise<FrameStream> {
    const { contact } = neighbour;
    assert(contact !== undefined, 'messages are queued only for known contacts');
    const wait = { timeoutMs: this.#options.openTimeoutMs ?? OPEN_TIMEOUT_MS, signal: this.#over.signal };
    const stream = await this.#host.open(contact, this.#protocol, wait, { waitForHello: true });
    const remote = this.#host.identityOf(contact.peerId);
    if (remote === undefined) throw new StreamClosedError('the neighbour has just disconnected');
    this.#adopt(contact.peerId, stream);
    void this.#readOwn(stream, remote);
    return stream;
  }

  /** Reads a stream that we opened, with the care that the host takes of inbound ones. */
  async #readOwn(stream: FrameStream, remote: RemoteIdentity): Promise<void> {
    try {
      await this.#readAll(stream, remote);
      await stream.finish({ timeoutMs: WRITE_TIMEOUT_MS });
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      if (!stream.closed) {
        const fields = {
          code: codeOf(error),
          message: messageOf(error),
          protocol: this.#protocol,
          peerId: remote.peerId,
        };
        this.#options.log.warn('a stream failed', fields);
      }
      stream.abort(error as Error);
    }
  }

  #drop(neighbour: Neighbour, error: StoreError): void {
    neighbour.queue = [];
    neighbour.queueBytes = 0;
    neighbour.full = false;
    if (this.#over.signal.aborted || neighbour.contact === undefined) return;
    this.#options.onUnreachable(neighbour.contact, error);
  }

  #reportFull(neighbour: Neighbour, to: Contact): void {
    if (neighbour.full) return;
    neighbour.full = true;
    const error = new BusyError(`${String(neighbour.queueBytes)} bytes wait for a neighbour that does not take them`);
    this.#options.log.warn('a neighbour does not keep up', {
      code: error.code,
      message: error.message,
      peerId: to.peerId,
    });
    this.#options.onUnreachable(to, error);
  }
}
