/**
 * What all operations of one connected client share: its host, its key, the network that it talks to, its entry peer,
 * and the streams that it keeps for the next operation.
 */

import type { PrivateKey } from '@libp2p/interface';
import { BadMessageError, NotReadyError, StoreError, UnreachableError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Contact } from '../id/contact.ts';
import { keyOfName } from '../id/key.ts';
import type { NetworkParameters } from '../membership/network-parameters.ts';
import { exchange } from '../net/exchange.ts';
import type { Host } from '../net/host.ts';
import type { StreamLease, StreamPool } from '../net/stream-pool.ts';
import type { ContactReader } from '../wire/contact.ts';
import { decodeFileAnswer, encodeFileRequest, type FileAnswer, type FileRequest } from '../wire/file.ts';
import { FILE_FRAME_BYTES_MAX } from '../wire/limits.ts';
import type { Located } from '../wire/lookup.ts';
import type { EntryPeer } from './entry-peer.ts';
import { KnownRoots } from './known-roots.ts';
import { isPassing } from './retry.ts';
import type { PeerName, Route } from './types.ts';

/** A peer that is alive answers a question within this. */
export const ANSWER_TIMEOUT_MS = 10_000;
/** A lookup that ends beside the root, because somebody has just joined, is sent on this many times at most. */
const REDIRECTS_MAX = 4;

/** An answer that goes on, on a stream that is ours until it is released. */
export type Reply = { readonly lease: StreamLease; readonly answer: PlainAnswer };
export type PlainAnswer = Exclude<FileAnswer, { type: 'failure' }>;
/** The reply of the peer that a name's operation ended at, and the way there. */
export type Arrival = Reply & { readonly peer: Contact; readonly root: Contact; readonly route: Route };

export class Session {
  readonly host: Host;
  readonly key: PrivateKey;
  readonly pool: StreamPool;
  readonly reader: ContactReader;
  readonly parameters: NetworkParameters;
  readonly entry: EntryPeer;
  readonly log: Log;
  /** Where it is written down how far large uploads have come. */
  readonly uploadsDir: string;
  readonly #roots: KnownRoots;

  constructor(
    parts: Pick<Session, 'host' | 'key' | 'pool' | 'reader' | 'parameters' | 'entry' | 'log' | 'uploadsDir'>,
  ) {
    this.host = parts.host;
    this.key = parts.key;
    this.pool = parts.pool;
    this.reader = parts.reader;
    this.parameters = parts.parameters;
    this.entry = parts.entry;
    this.log = parts.log;
    this.uploadsDir = parts.uploadsDir;
    this.#roots = new KnownRoots(parts.reader.idSpace);
  }

  /**
   * One attempt to have a name's root, or whoever it names, take a request.
   *
   * @param atHolder the request for a peer that is not root but holds the newest copy
   * @throws what the peer answers, UnreachableError, TimeoutError, StreamClosedError
   */
  async arrive(
    name: string,
    request: FileRequest,
    signal: AbortSignal | undefined,
    atHolder: FileRequest = request,
  ): Promise<Arrival> {
    const located = await this.#locate(name, signal);
    const path = [...located.path];
    let { root } = located;
    let peer = root;
    let asked = request;
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
      const reply = await this.ask(peer, asked, signal).catch((error: unknown) => {
        if (isPassing(error)) this.#roots.forget(peer.peerId);
        // What the root knew to be there was replaced or moved on just now.
        if (asked === atHolder && asked !== request && error instanceof StoreError && error.code === 'NOT_FOUND') {
          throw new NotReadyError(`"${name}" is being moved`, error);
        }
        throw error;
      });
      if (reply.answer.type !== 'redirect') return { ...reply, peer, root, route: this.#route(name, path) };
      reply.lease.release();
      peer = this.reader.contact(reply.answer.contact);
      if (reply.answer.holder) asked = atHolder;
      else {
        this.#roots.forget(root.peerId);
        root = peer;
        path.push(peer.nodeId);
      }
    }
    throw new UnreachableError(`the peers do not agree yet on who is root of "${name}"`);
  }

  /** One question to one peer. On a failure that it names, that is thrown; else the caller goes on with the lease. */
  async ask(to: Contact, request: FileRequest, signal: AbortSignal | undefined): Promise<Reply> {
    const wait = { timeoutMs: ANSWER_TIMEOUT_MS, signal };
    const reply = await exchange(this.pool, to, encodeFileRequest(request), FILE_FRAME_BYTES_MAX, wait);
    try {
      return { lease: reply.lease, answer: plainAnswer(reply.answer) };
    } catch (error) {
      reply.lease.discard();
      throw error;
    }
  }

  nameOf(peer: { readonly nodeId: number; readonly peerId: string }): PeerName {
    const { idSpace } = this.reader;
    if (!idSpace.contains(peer.nodeId)) throw new BadMessageError('a node id that is not on this ring');
    return { nodeId: idSpace.format(peer.nodeId), peerId: peer.peerId };
  }

  async close(): Promise<void> {
    this.entry.close();
    this.pool.close();
    await this.host.stop();
  }

  /** What an earlier lookup found, or a new one. */
  async #locate(name: string, signal: AbortSignal | undefined): Promise<Located> {
    const key = keyOfName(this.reader.idSpace, name);
    const known = this.#roots.find(key);
    if (known !== undefined) return known;
    const located = await this.entry.locate(key, signal);
    this.#roots.remember(located);
    return located;
  }

  #route(name: string, path: readonly number[]): Route {
    const { idSpace } = this.reader;
    const ids = path.map((nodeId) => idSpace.format(idSpace.position(nodeId)));
    return { key: idSpace.format(keyOfName(idSpace, name)), path: ids, hops: ids.length - 1 };
  }
}

/** @throws what the other side answered, if that is a failure; BadMessageError */
export function plainAnswer(frame: Uint8Array): PlainAnswer {
  const answer = decodeFileAnswer(frame);
  if (answer.type === 'failure') throw answer.error;
  return answer;
}

/** The answer, if it is of the kind that the request calls for. */
export function expectAnswer<K extends PlainAnswer['type']>(
  answer: PlainAnswer,
  type: K,
): Extract<PlainAnswer, { type: K }> {
  if (answer.type !== type)
    throw new BadMessageError(`the peer answered with a ${answer.type} where a ${type} belongs`);
  return answer as Extract<PlainAnswer, { type: K }>;
}
