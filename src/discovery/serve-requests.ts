/**
 * What the discovery peer answers, request by request. Who asks is `remote`, whom the connection proves; nothing that a
 * request says about its sender is believed. An expected failure is an answer and the stream goes on; bytes that are no
 * request are answered, too, and end it.
 */

import { BusyError, NotPermittedError, StoreError, UnexpectedMessageError, UnreachableError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Contact } from '../id/contact.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import type { RemoteIdentity } from '../net/link.ts';
import type { ContactReader } from '../wire/contact.ts';
import {
  decodeDiscoveryRequest,
  encodeDiscoveryReply,
  SEEDS_MAX,
  type DiscoveryReply,
  type DiscoveryRequest,
} from '../wire/discovery.ts';
import { CONTACTS_PER_MESSAGE_MAX, DISCOVERY_REQUEST_BYTES_MAX } from '../wire/limits.ts';
import type { Admission } from './admission.ts';
import { shuffled, type Presence } from './presence.ts';
import type { PresenceTiming } from './presence-timing.ts';
import type { RequestRate } from './request-rate.ts';
import { serveSubscription } from './serve-subscription.ts';

/** How long a stream may wait for its next request, and an answer for its reader. */
const REQUEST_TIMEOUT_MS = 30_000;
const ANSWER_TIMEOUT_MS = 30_000;
/** How long a stream that is about to be ended waits for the other side to have read why. */
const LINGER_TIMEOUT_MS = 500;

export type RequestContext = {
  readonly reader: ContactReader;
  readonly parametersEnvelope: Uint8Array;
  readonly admission: Admission;
  readonly presence: Presence;
  readonly rate: RequestRate;
  readonly timing: PresenceTiming;
  readonly random: Random;
  readonly log: Log;
};

export class RequestServer {
  readonly #context: RequestContext;
  /** Connected peers that registered after their hello, so that it showed no current certificate. */
  readonly #registeredSinceHello = new Set<string>();

  constructor(context: RequestContext) {
    this.#context = context;
  }

  /** Serves one stream until it ends. */
  async serve(stream: FrameStream, remote: RemoteIdentity, signal: AbortSignal): Promise<void> {
    for (;;) {
      const bytes = await stream.readFrame(DISCOVERY_REQUEST_BYTES_MAX, { timeoutMs: REQUEST_TIMEOUT_MS, signal });
      // Frames that had arrived before the connection ended are read after it, when its peer is forgotten already.
      if (bytes === undefined || signal.aborted) return;
      const request = await this.#decoded(stream, remote, bytes, signal);
      if (request.type === 'subscribe' && (await this.#subscribed(stream, remote, request.addrs, signal))) return;
      const reply = await this.#reply(request, remote, signal);
      await stream.writeFrame(encodeDiscoveryReply(reply), { timeoutMs: ANSWER_TIMEOUT_MS, signal });
    }
  }

  /** The last connection to it has ended. */
  forget(peerId: string): void {
    this.#registeredSinceHello.delete(peerId);
    this.#context.rate.forget(peerId);
  }

  async #decoded(
    stream: FrameStream,
    remote: RemoteIdentity,
    bytes: Uint8Array,
    signal: AbortSignal,
  ): Promise<DiscoveryRequest> {
    try {
      if (!this.#context.rate.allows(remote.peerId))
        throw new BusyError('too many requests; try again in a few seconds');
      const request = decodeDiscoveryRequest(bytes, this.#context.reader.idSpace);
      if (request.type === 'renew') throw new UnexpectedMessageError('a renewal outside a subscription');
      return request;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      await stream.writeFrame(encodeDiscoveryReply({ type: 'failure', error }), {
        timeoutMs: LINGER_TIMEOUT_MS,
        signal,
      });
      await stream.finish({ timeoutMs: LINGER_TIMEOUT_MS, signal });
      throw error;
    }
  }

  async #reply(request: DiscoveryRequest, remote: RemoteIdentity, signal: AbortSignal): Promise<DiscoveryReply> {
    try {
      return await this.#answer(request, remote, signal);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const { code, message } = error;
      this.#context.log.info('request refused', { code, message, request: request.type, peerId: remote.peerId });
      return { type: 'failure', error };
    }
  }

  async #answer(request: DiscoveryRequest, remote: RemoteIdentity, signal: AbortSignal): Promise<DiscoveryReply> {
    const { admission, presence } = this.#context;
    const { peerId } = remote;
    switch (request.type) {
      case 'register': {
        if (remote.role !== 'peer') throw new NotPermittedError('only a peer may register');
        const { certificate } = await admission.register(peerId, request);
        // `forget` has come already when the connection ended meanwhile.
        if (!signal.aborted) this.#registeredSinceHello.add(peerId);
        const { parametersEnvelope: parameters } = this.#context;
        const memberList = admission.memberList();
        return { type: 'registered', certificate, parameters, memberList, seeds: this.#seeds(peerId) };
      }
      case 'leave':
        this.#checkActing(remote);
        await admission.leave(peerId);
        presence.dismiss(peerId);
        return { type: 'done', epoch: admission.epoch };
      case 'stop':
        this.#checkActing(remote);
        presence.dismiss(peerId);
        return { type: 'done', epoch: admission.epoch };
      case 'random-peer': {
        const contact = presence.sample(1, new Set([peerId, ...request.except]))[0];
        if (contact !== undefined) return { type: 'peer', contact };
        throw new UnreachableError('no peer is present; start one with "p2p-peer start", or try again shortly');
      }
      case 'members': {
        const memberList = admission.memberList();
        return { type: 'members', memberList, present: presence.sample(CONTACTS_PER_MESSAGE_MAX, new Set()) };
      }
      case 'subscribe':
      case 'renew':
        throw notAMember(remote);
    }
  }

  /** Serves a subscription to its end. False: who asks is no member, or was none any more once its addresses were noted. */
  async #subscribed(
    stream: FrameStream,
    remote: RemoteIdentity,
    addrs: readonly string[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const { admission, presence, log, reader, timing, random, rate } = this.#context;
    const { peerId } = remote;
    if (this.#actingMember(remote) === undefined) return false;
    await admission.noteAddrs(peerId, addrs);
    // From here to the subscription nothing is awaited, so that what holds now holds there.
    const present = this.#actingMember(remote) && admission.contact(peerId);
    if (present === undefined) return false;
    let last: Contact = present;
    // A member that leaves while its subscription ends has had a contact until just now.
    const contact = () => (last = admission.contact(peerId) ?? last);
    log.info('peer present', { peerId, present: presence.count + (presence.has(peerId) ? 0 : 1) });
    const noteAddrs = (later: readonly string[]) => admission.noteAddrs(peerId, later);
    const epoch = () => admission.epoch;
    const context = { presence, space: reader.idSpace, timing, random, rate, epoch, contact, noteAddrs };
    try {
      await serveSubscription(stream, context, signal);
    } finally {
      if (!presence.has(peerId)) log.info('peer absent', { peerId, present: presence.count });
    }
    return true;
  }

  /** Present ones to join through; where none is, members that were there once. */
  #seeds(peerId: string): Contact[] {
    const { presence, admission, random } = this.#context;
    const present = presence.sample(SEEDS_MAX, new Set([peerId]));
    if (present.length > 0) return present;
    const known: Contact[] = [];
    for (const other of shuffled(admission.memberPeerIds(), random)) {
      const contact = other === peerId ? undefined : admission.contact(other);
      if (contact !== undefined && contact.addrs.length > 0) known.push(contact);
      if (known.length === SEEDS_MAX) break;
    }
    return known;
  }

  /** The member that may act over this connection: it showed its current certificate, or got it here. */
  #actingMember(remote: RemoteIdentity) {
    const { peerId, role, contact } = remote;
    if (role !== 'peer' || (contact === undefined && !this.#registeredSinceHello.has(peerId))) return undefined;
    return this.#context.admission.member(peerId);
  }

  #checkActing(remote: RemoteIdentity): void {
    if (this.#actingMember(remote) === undefined) throw notAMember(remote);
  }
}

function notAMember(remote: RemoteIdentity): NotPermittedError {
  return new NotPermittedError(
    `${remote.peerId} is not a member of this network, or has not shown that it is; register first`,
  );
}
