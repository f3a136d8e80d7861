/**
 * One peer's subscription, at the discovery peer: notices go down when peers arrive and now and then besides, renewals
 * come up in answer. While both flow the peer is present. Arrivals are collected for a moment and bounded in number:
 * a notice is a hint of whom to look at, so when many arrive at once some of them do.
 */

import { BusyError, StreamClosedError, TimeoutError, UnexpectedMessageError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Contact } from '../id/contact.ts';
import type { IdSpace } from '../id/id-space.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { Pending } from '../net/wait.ts';
import { ARRIVED_PER_NOTICE_MAX, decodeDiscoveryRequest, encodeDiscoveryReply } from '../wire/discovery.ts';
import { DISCOVERY_REQUEST_BYTES_MAX } from '../wire/limits.ts';
import type { Presence, Subscriber } from './presence.ts';
import { JITTER_SHARE, type PresenceTiming } from './presence-timing.ts';
import type { RequestRate } from './request-rate.ts';

export type SubscriptionContext = {
  readonly presence: Presence;
  readonly space: IdSpace;
  readonly timing: PresenceTiming;
  readonly random: Random;
  readonly rate: RequestRate;
  readonly epoch: () => number;
  /** The subscriber as it is known now. */
  readonly contact: () => Contact;
  readonly noteAddrs: (addrs: readonly string[]) => Promise<void>;
};

/** Resolves when the subscriber has ended it, or was replaced. @throws TimeoutError when it has fallen silent, BadMessageError, … */
export async function serveSubscription(
  stream: FrameStream,
  context: SubscriptionContext,
  signal: AbortSignal,
): Promise<void> {
  const { presence } = context;
  const { peerId } = context.contact();
  const over = new AbortController();
  const notices = new Notices(stream, context, AbortSignal.any([signal, over.signal]));
  const subscriber: Subscriber = {
    contact: context.contact,
    onArrived: (contact) => {
      notices.add(contact);
    },
    onReplaced: () => {
      over.abort(new StreamClosedError('the subscription was replaced or ended'));
    },
  };
  const present = presence.sample(ARRIVED_PER_NOTICE_MAX, new Set([peerId]));
  presence.arrive(subscriber);
  const writing = notices.run(present);
  // Whichever direction ends first ends the other.
  writing.catch((error: unknown) => {
    over.abort(error);
  });
  try {
    await readRenewals(stream, context, AbortSignal.any([signal, over.signal]));
    over.abort(new StreamClosedError('the subscriber has ended it'));
    await writing;
  } catch (error) {
    over.abort(error);
    if (!(error instanceof StreamClosedError)) throw error;
  } finally {
    presence.depart(peerId, subscriber);
  }
}

async function readRenewals(stream: FrameStream, context: SubscriptionContext, signal: AbortSignal): Promise<void> {
  const { space, timing, rate, noteAddrs } = context;
  for (;;) {
    const bytes = await stream.readFrame(DISCOVERY_REQUEST_BYTES_MAX, { timeoutMs: timing.silenceMs, signal });
    if (bytes === undefined || signal.aborted) return;
    if (!rate.allows(context.contact().peerId)) throw new BusyError('too many renewals');
    const request = decodeDiscoveryRequest(bytes, space);
    if (request.type !== 'renew') throw new UnexpectedMessageError(`a ${request.type} request on a subscription`);
    await noteAddrs(request.addrs);
  }
}

/** What goes down. */
class Notices {
  readonly #stream: FrameStream;
  readonly #context: SubscriptionContext;
  readonly #signal: AbortSignal;
  readonly #arrived = new Map<string, Contact>();
  #idle: Pending | undefined;

  constructor(stream: FrameStream, context: SubscriptionContext, signal: AbortSignal) {
    this.#stream = stream;
    this.#context = context;
    this.#signal = signal;
  }

  /** The oldest gives way when there are too many. */
  add(contact: Contact): void {
    this.#arrived.delete(contact.peerId);
    this.#arrived.set(contact.peerId, contact);
    const oldest = this.#arrived.keys().next();
    if (this.#arrived.size > ARRIVED_PER_NOTICE_MAX && oldest.done !== true) this.#arrived.delete(oldest.value);
    this.#idle?.resolve();
  }

  /** Sends a first notice with these, and goes on until the signal. */
  async run(present: readonly Contact[]): Promise<void> {
    const { timing, random } = this.#context;
    await this.#send(present);
    for (;;) {
      const jitter = 1 + JITTER_SHARE * (2 * random() - 1);
      if (this.#arrived.size === 0) await this.#pause(timing.noticeIntervalMs * jitter);
      if (this.#arrived.size > 0) await this.#pause(timing.collectMs * jitter, false);
      const arrived = [...this.#arrived.values()];
      this.#arrived.clear();
      await this.#send(arrived);
    }
  }

  async #send(arrived: readonly Contact[]): Promise<void> {
    const bytes = encodeDiscoveryReply({ type: 'presence', epoch: this.#context.epoch(), arrived });
    await this.#stream.writeFrame(bytes, { timeoutMs: this.#context.timing.silenceMs, signal: this.#signal });
  }

  /** @throws the signal's reason */
  async #pause(timeoutMs: number, wakeable = true): Promise<void> {
    const pause = new Pending({ timeoutMs, signal: this.#signal }, 'a pause');
    if (wakeable) this.#idle = pause;
    try {
      await pause.promise;
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
    } finally {
      this.#idle = undefined;
    }
  }
}
