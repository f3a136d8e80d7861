/** One long-lived stream to an entry peer, with many lookups under way on it. */

import { StoreError, StreamClosedError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import type { Key } from '../id/id-space.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { GatheredWrites } from '../net/gathered-writes.ts';
import type { Host } from '../net/host.ts';
import { Pending, type Wait } from '../net/wait.ts';
import type { ContactReader } from '../wire/contact.ts';
import {
  decodeLookupAnswer,
  encodeLookupRequest,
  LOOKUP_ANSWER_BYTES_MAX,
  LOOKUP_PROTOCOL,
  type Located,
} from '../wire/lookup.ts';

const REQUEST_ID_LIMIT = 2 ** 32;
/** An entry peer that is alive takes in what was written within this. */
const WRITE_TIMEOUT_MS = 10_000;

export class LookupChannel {
  readonly entry: Contact;
  readonly #stream: FrameStream;
  readonly #writes: GatheredWrites;
  readonly #reader: ContactReader;
  readonly #pending = new Map<number, Pending<Located>>();
  #lastRequestId = 0;
  #failure: StoreError | undefined;

  private constructor(entry: Contact, stream: FrameStream, reader: ContactReader) {
    this.entry = entry;
    this.#stream = stream;
    this.#writes = new GatheredWrites(stream, { timeoutMs: WRITE_TIMEOUT_MS });
    this.#reader = reader;
  }

  /** @throws UnreachableError, TimeoutError, HelloRefusedError */
  static async open(host: Host, entry: Contact, reader: ContactReader, wait: Wait): Promise<LookupChannel> {
    const channel = new LookupChannel(entry, await host.open(entry, LOOKUP_PROTOCOL, wait), reader);
    void channel.#receive();
    return channel;
  }

  get usable(): boolean {
    return this.#failure === undefined && !this.#stream.closed;
  }

  /** @throws StreamClosedError when the entry peer goes away, TimeoutError, or what the entry peer answers */
  async locate(key: Key, wait: Wait): Promise<Located> {
    if (this.#failure !== undefined) throw this.#failure;
    const requestId = (this.#lastRequestId = (this.#lastRequestId + 1) % REQUEST_ID_LIMIT);
    const pending = new Pending<Located>(wait, 'the lookup');
    this.#pending.set(requestId, pending);
    try {
      // A failure to write reaches the waiter through the receiving side, which ends then, too.
      this.#writes.write(encodeLookupRequest({ requestId, key })).catch((error: unknown) => {
        pending.reject(error as Error);
      });
      return await pending.promise;
    } finally {
      this.#pending.delete(requestId);
    }
  }

  close(): void {
    this.#end(new StreamClosedError('the lookup was given up'));
  }

  async #receive(): Promise<void> {
    try {
      for (;;) {
        const frame = await this.#stream.readFrame(LOOKUP_ANSWER_BYTES_MAX, { timeoutMs: Infinity });
        if (frame === undefined) throw new StreamClosedError('the entry peer closed the stream');
        const answer = decodeLookupAnswer(frame, this.#reader);
        const pending = this.#pending.get(answer.requestId);
        if ('located' in answer) pending?.resolve(answer.located);
        else pending?.reject(answer.error);
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#end(error);
    }
  }

  #end(error: StoreError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#stream.abort(error);
    for (const pending of this.#pending.values()) pending.reject(error);
  }
}
