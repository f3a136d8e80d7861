/**
 * Frames on a libp2p stream, with back-pressure in both directions, which libp2p's own iteration and `onDrain` do not
 * give: a reader that is slow pauses the sender, a writer waits until the other side has room.
 *
 * A frame is a 4-byte big-endian length and that many bytes. The length is checked against the caller's limit before
 * anything else happens, memory is held only for bytes that have arrived, and a fixed length field leaves an attacker
 * no endless varint. At most READ_QUEUE_HIGH_BYTES, or one frame, wait here for a reader, and one window in libp2p.
 *
 * A read that runs out of time has taken nothing: the caller may try again. A write may have gone in part: abort.
 */

import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface';
import type { Uint8ArrayList } from 'uint8arraylist';
import { assert, defined } from '../base/assert.ts';
import { concatBytes } from '../base/bytes.ts';
import { FrameTooLargeError, StreamClosedError, type StoreError } from '../base/errors.ts';
import { ByteQueue } from './byte-queue.ts';
import { encodeFrames, FRAME_HEADER_BYTES, type Payload } from './frame.ts';
import { READ_QUEUE_HIGH_BYTES } from './limits.ts';
import { Deadline, Pending, within, type Wait } from './wait.ts';

/** `sent`: libp2p has it, but has not yet encrypted all of it. */
type Write = { readonly bytes: Uint8ArrayList; readonly pending: Pending; sent: boolean };

export class FrameStream {
  readonly #stream: Stream;
  /** Bytes waiting for the reader at which the sender is paused; it goes on at half of them. */
  #queueBytesMax = READ_QUEUE_HIGH_BYTES;
  readonly #queue = new ByteQueue();
  readonly #writes: Write[] = [];
  readonly #closeListeners: (() => void)[] = [];
  #reader: { readonly wanted: number; readonly pending: Pending<boolean> } | undefined;
  /** The other side has said that it sends no more. */
  #remoteDone: boolean;
  #discarding = false;
  #resuming = false;
  #closed = false;
  #failure: StoreError | Error | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.#remoteDone = stream.status === 'open' && stream.remoteWriteStatus === 'closed';
    stream.addEventListener('message', (event) => this.#onMessage(event));
    stream.addEventListener('remoteCloseWrite', () => this.#onRemoteDone());
    stream.addEventListener('close', (event) => this.#onClose(event));
    // libp2p goes on sending what it has queued in a microtask of its own, asked for just before: ours runs after it.
    stream.addEventListener('drain', () => queueMicrotask(() => this.#writeMore()));
    if (stream.status !== 'open') this.#onClose(undefined);
  }

  /** No more bytes go either way, or somebody aborted. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes that have arrived and wait for a reader, in this object and in libp2p. */
  get readQueueBytes(): number {
    return this.#queue.length + this.#stream.readBufferLength;
  }

  /** Open in both directions, with nothing waiting to be read or written: fit for another operation. */
  get idle(): boolean {
    return !this.#closed && !this.#remoteDone && this.readQueueBytes === 0 && this.#writes.length === 0;
  }

  limitQueue(bytes: number): void {
    this.#queueBytesMax = bytes;
    if (!this.#closed) this.#flow();
  }

  /** Calls back once, when the stream is closed or aborted; at once if it is already. */
  onClosed(listener: () => void): void {
    if (this.#closed) listener();
    else this.#closeListeners.push(listener);
  }

  /**
   * One frame's payload in one piece (copied only if it arrived in several), or undefined at a clean end between frames.
   *
   * @throws FrameTooLargeError (the stream is then aborted), StreamClosedError, TimeoutError, InterruptedError
   */
  async readFrame(maxBytes: number, wait: Wait): Promise<Uint8Array | undefined> {
    const parts = await this.readFrameParts(maxBytes, wait);
    return parts?.length === 1 ? parts[0] : parts && concatBytes(parts);
  }

  /** The same as the pieces in which it arrived, never copied. Only one read at a time. */
  async readFrameParts(maxBytes: number, wait: Wait): Promise<Uint8Array[] | undefined> {
    let rest = wait;
    if (this.#queue.length < FRAME_HEADER_BYTES) {
      const deadline = new Deadline(wait);
      if (!(await this.#arrived(FRAME_HEADER_BYTES, wait))) return undefined;
      rest = deadline.rest;
    }
    const length = this.#queue.peekUint32();
    if (length > maxBytes) {
      const error = new FrameTooLargeError(
        `a frame of ${String(length)} bytes, at most ${String(maxBytes)} are allowed`,
      );
      this.abort(error);
      throw error;
    }
    const whole = FRAME_HEADER_BYTES + length;
    if (this.#queue.length < whole) await this.#arrived(whole, rest);
    this.#queue.take(FRAME_HEADER_BYTES);
    const parts = this.#queue.take(length);
    this.#flow();
    return parts;
  }

  /**
   * Sends one frame; resolves once all of it is encrypted, which happens only while the other side keeps up. Until then
   * the bytes must not change; afterwards their buffer may be used again. A write that fails may have been sent in part.
   *
   * @throws StreamClosedError, TimeoutError, InterruptedError
   */
  writeFrame(payload: Payload, wait: Wait): Promise<void> {
    return this.writeFrames([payload], wait);
  }

  /** Several frames at one go, for the price of one. */
  async writeFrames(payloads: readonly Payload[], wait: Wait): Promise<void> {
    this.#throwIfOver();
    if (this.#stream.writeStatus !== 'writable') throw new StreamClosedError('this end of the stream is closed');
    const bytes = encodeFrames(payloads);
    let sent = false;
    if (this.#writes.length === 0 && !this.#stream.writableNeedsDrain) {
      this.#send(bytes);
      // libp2p encrypts at once whatever it does not hold back, and what it held back before it says `drain`.
      if (!this.#stream.writableNeedsDrain) return;
      sent = true;
    }
    const pending = new Pending(wait, 'writing to the stream');
    const write = { bytes, pending, sent };
    this.#writes.push(write);
    try {
      await pending.promise;
    } finally {
      const index = this.#writes.indexOf(write);
      if (index >= 0) this.#writes.splice(index, 1);
    }
  }

  /** Says that no more frames follow, once all earlier ones are on their way. */
  async closeWrite(wait: Wait): Promise<void> {
    this.#throwIfOver();
    const last = this.#writes.at(-1);
    if (last !== undefined) await within(last.pending.promise, wait, 'closing the stream');
    const deadline = new Deadline(wait).signal('closing the stream');
    try {
      await this.#stream.close({ signal: deadline.signal });
    } catch (error) {
      if (deadline.signal.aborted) throw deadline.signal.reason;
      throw this.#failure ?? new StreamClosedError('the stream broke while it was being closed', error);
    } finally {
      deadline.release();
    }
  }

  /** For who is done with the stream: closes it, ignores what still comes, and aborts it if the other side does not close, too. */
  async finish(wait: Wait): Promise<void> {
    if (this.#closed) return;
    this.#discarding = true;
    this.#queue.clear();
    this.#flow();
    const closed = new Pending(wait, 'waiting for the other side to close the stream');
    this.onClosed(() => closed.resolve());
    try {
      await Promise.all([this.#stream.writeStatus === 'writable' ? this.closeWrite(wait) : undefined, closed.promise]);
    } catch (error) {
      this.abort(error instanceof Error ? error : new StreamClosedError('the stream could not be closed', error));
    } finally {
      closed.resolve();
    }
  }

  /** Ends the stream in both directions at once; whoever waits on it gets this error. */
  abort(error: Error): void {
    if (this.#closed) return;
    this.#queue.clear();
    this.#over(error);
    this.#stream.abort(error);
  }

  #throwIfOver(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw new StreamClosedError('the stream is closed');
  }

  /** Waits until `count` bytes are queued. False at a clean end with nothing queued. */
  async #arrived(count: number, wait: Wait): Promise<boolean> {
    assert(this.#reader === undefined, 'two reads at a time on one stream');
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#ended()) {
      const pending = new Pending<boolean>(wait, 'reading from the stream');
      this.#reader = { wanted: count, pending };
      this.#flow();
      try {
        if (await pending.promise) return true;
      } finally {
        this.#reader = undefined;
      }
    }
    if (this.#queue.length === 0) return false;
    throw new StreamClosedError('the stream ended in the middle of a frame');
  }

  #ended(): boolean {
    return this.#remoteDone && this.#stream.readBufferLength === 0;
  }

  #onMessage(event: StreamMessageEvent): void {
    if (this.#discarding) return;
    if (event.data instanceof Uint8Array) this.#queue.append(event.data);
    else for (const piece of event.data) this.#queue.append(piece);
    if (!this.#resuming) this.#flow();
  }

  #onRemoteDone(): void {
    this.#remoteDone = true;
    this.#flow();
  }

  #onClose(event: StreamCloseEvent | undefined): void {
    if (this.#closed) return;
    // A connection that ends closes its streams without an error. That is a clean end only for who was told so before.
    const cut = event?.error !== undefined || !this.#remoteDone;
    if (!cut) this.#flow();
    this.#over(
      cut ? new StreamClosedError('the other side or the connection cut the stream', event?.error) : undefined,
    );
  }

  /** Wakes the reader if it can go on, and pauses or resumes the sender as the queue asks for. */
  #flow(): void {
    this.#pauseOrResume();
    const reader = this.#reader;
    if (reader === undefined) return;
    if (this.#queue.length >= reader.wanted) reader.pending.resolve(true);
    else if (this.#ended()) reader.pending.resolve(false);
  }

  #pauseOrResume(): void {
    const high = Math.max(this.#queueBytesMax, this.#reader?.wanted ?? 0);
    const { readStatus } = this.#stream;
    if (readStatus === 'readable' && this.#queue.length >= high) {
      this.#stream.pause();
    } else if (readStatus === 'paused' && this.#queue.length <= Math.max(high / 2, (this.#reader?.wanted ?? 0) - 1)) {
      this.#resume();
      // Resuming hands over all that libp2p held back; pausing in the midst of that would be undone by libp2p.
      if (this.#stream.readStatus === 'readable' && this.#queue.length >= high) this.#stream.pause();
    }
  }

  #resume(): void {
    this.#resuming = true;
    try {
      this.#stream.resume();
    } catch (error) {
      // The bytes were handed over before; only telling the other side so can fail, on a connection that is gone.
      if (this.#stream.status === 'open') this.#stream.abort(new StreamClosedError('the connection broke', error));
    } finally {
      this.#resuming = false;
    }
  }

  #writeMore(): void {
    while (this.#writes.length > 0 && !this.#closed && !this.#stream.writableNeedsDrain) {
      const write = defined(this.#writes[0], 'a write is queued');
      try {
        if (!write.sent && !write.pending.settled) {
          write.sent = true;
          this.#send(write.bytes);
          if (this.#stream.writableNeedsDrain) return;
        }
        write.pending.resolve();
      } catch (error) {
        write.pending.reject(error as Error);
      }
      this.#writes.shift();
    }
  }

  #send(bytes: Uint8ArrayList): void {
    try {
      this.#stream.send(bytes);
    } catch (error) {
      throw this.#failure ?? new StreamClosedError('the stream broke while it was written to', error);
    }
  }

  #over(failure: Error | undefined): void {
    this.#closed = true;
    this.#failure = failure;
    const error = failure ?? new StreamClosedError('the stream is closed');
    if (failure !== undefined) this.#reader?.pending.reject(error);
    for (const write of this.#writes.splice(0)) write.pending.reject(error);
    for (const listener of this.#closeListeners.splice(0)) listener();
  }
}
