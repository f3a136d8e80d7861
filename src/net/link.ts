/**
 * One connection to another host, and what its hello said about who is there. A link is *accepted* once the other side's
 * hello was judged; until then nobody is served over it. Streams opened on a link belong to it: when it fails,
 * each of them ends with the reason.
 */

import type { Connection, Stream } from '@libp2p/interface';
import { StreamClosedError, UnreachableError, type StoreError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { withoutPeerId } from './dial-target.ts';
import { FrameStream } from './frame-stream.ts';
import { within, type Wait } from './wait.ts';

/** Who is at the other end, as its hello showed and this host's policy judged. */
export type RemoteIdentity = {
  readonly peerId: string;
  readonly role: 'peer' | 'client' | 'discovery';
  /** Of a peer that showed a certificate. */
  readonly contact?: Contact;
};

export class Link {
  readonly connection: Connection;
  readonly peerId: string;
  /** The other side's identity, once accepted; rejects with the reason if that never happens. */
  readonly accepted: Promise<RemoteIdentity>;
  /** A hello has begun on it; there is one per connection. */
  greeted = false;
  readonly #outcome = Promise.withResolvers<RemoteIdentity>();
  readonly #streams = new Set<FrameStream>();
  readonly #over = new AbortController();
  #identity: RemoteIdentity | undefined;
  #failure: StoreError | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
    this.peerId = connection.remotePeer.toString();
    this.accepted = this.#outcome.promise;
    this.accepted.catch(() => {}); // Whoever needs the outcome awaits it; nobody may.
  }

  get identity(): RemoteIdentity | undefined {
    return this.#identity;
  }

  get open(): boolean {
    return this.#failure === undefined && this.connection.status === 'open';
  }

  /** Why it failed, if it did. */
  get failure(): StoreError | undefined {
    return this.#failure;
  }

  /** Aborted when the link is over, with the reason. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** The address that was dialled, without the PeerId, or the one that the other side came from. */
  get remoteAddr(): string {
    return withoutPeerId(this.connection.remoteAddr.toString());
  }

  /** Who is there, as soon as that is judged. @throws UnreachableError, HelloRefusedError, NoHelloError, TimeoutError, InterruptedError */
  async identified(wait: Wait): Promise<RemoteIdentity> {
    if (this.#identity !== undefined) return this.#identity;
    try {
      return await within(this.accepted, wait, 'hello');
    } catch (error) {
      if (!(error instanceof StreamClosedError)) throw error;
      throw new UnreachableError(`${this.peerId} closed the connection before its hello`, error);
    }
  }

  accept(identity: RemoteIdentity): void {
    if (this.#failure !== undefined) return;
    this.#identity = identity;
    this.#outcome.resolve(identity);
  }

  /** Frames on a stream of this link. */
  adopt(stream: Stream): FrameStream {
    const frames = new FrameStream(stream);
    if (this.#failure !== undefined) frames.abort(this.#failure);
    this.#streams.add(frames);
    frames.onClosed(() => this.#streams.delete(frames));
    return frames;
  }

  /** Ends it and everything on it, for this reason. Only the first reason counts. */
  fail(error: StoreError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#outcome.reject(error);
    for (const stream of [...this.#streams]) stream.abort(error);
    this.#over.abort(error);
    this.connection.abort(error);
  }

  /** The connection has ended by itself, or the other side has ended it. */
  closed(): void {
    this.fail(new StreamClosedError('the connection was closed'));
  }
}
