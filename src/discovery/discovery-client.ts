/**
 * The discovery peer as peers and clients see it. Its addresses are tried in turn, beginning with the one that answered
 * last; each request goes over a stream of its own on the one connection. Nothing is believed that the network key has
 * not signed: the policy of the host judges who answers (hello-policy.ts), and answers are opened on arrival.
 */

import {
  codeOf,
  HelloRefusedError,
  InterruptedError,
  messageOf,
  NetworkChangedError,
  StoreError,
  StreamClosedError,
  UnexpectedMessageError,
  UnreachableError,
  UsageError,
} from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Contact } from '../id/contact.ts';
import type { NodeId } from '../id/id-space.ts';
import type { MemberList } from '../membership/member-list.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import type { Host } from '../net/host.ts';
import { Deadline, type Wait } from '../net/wait.ts';
import {
  decodeDiscoveryAnswer,
  DISCOVERY_PROTOCOL,
  encodeDiscoveryRequest,
  type DiscoveryAnswer,
  type DiscoveryRequest,
  type MembersAnswer,
  type PresenceNotice,
  type RegisteredAnswer,
} from '../wire/discovery.ts';
import { ADDRS_PER_CONTACT_MAX, DISCOVERY_ANSWER_BYTES_MAX } from '../wire/limits.ts';
import { parseDiscoveryAddrs, type DiscoveryTarget } from './discovery-target.ts';
import { foreignNetworkIn, networkChanged, type KnownNetwork, type NetworkPolicy } from './hello-policy.ts';
import { DEFAULT_PRESENCE_TIMING, type PresenceTiming } from './presence-timing.ts';
import { keepSubscribed } from './keep-subscribed.ts';

export type DiscoveryClientOptions = {
  readonly host: Host;
  /** The same that the host was started with. */
  readonly policy: NetworkPolicy;
  /** Multiaddrs of discovery peers, each with or without its /p2p part. */
  readonly addrs: readonly string[];
  readonly random: Random;
  readonly log: Log;
  readonly timing?: Partial<PresenceTiming>;
};

export type Registering = {
  /** The id to ask for, where the network lets peers choose. */
  readonly wantedId?: NodeId | undefined;
};

export type OpenedStream = { readonly stream: FrameStream; readonly target: DiscoveryTarget };

/** How long the other side has to close a stream after the answer has come. */
const FINISH_TIMEOUT_MS = 1_000;
/** When many join at once the member list changes all the time, and everybody would ask for all of it each time. */
const FOLLOW_GAP_MS = 5_000;
const FOLLOW_TIMEOUT_MS = 10_000;

export class DiscoveryClient {
  readonly #options: DiscoveryClientOptions;
  /** The one that answered last comes first. */
  #targets: DiscoveryTarget[];
  readonly #timing: PresenceTiming;
  #followsAgainAt = -Infinity;

  /** @throws UsageError when an address is none */
  constructor(options: DiscoveryClientOptions) {
    this.#options = options;
    this.#targets = parseDiscoveryAddrs(options.addrs);
    this.#timing = { ...DEFAULT_PRESENCE_TIMING, ...options.timing };
  }

  /**
   * The network, once a discovery peer has shown it. What was remembered of the network is checked on the way.
   *
   * @throws UnreachableError, NetworkChangedError, InterruptedError
   */
  contact(wait: Wait): Promise<KnownNetwork> {
    return this.#withAny(wait, async (target, targetWait) => {
      await this.#meet(target, targetWait);
      const { network } = this.#options.policy;
      if (network === undefined) throw new HelloRefusedError(`${target.text} did not show its network`);
      return network;
    });
  }

  /**
   * Becomes a member, or renews the certificate of one; to be called once per start, since each call makes a new certificate
   * and the one before void. From now on the host shows the new one. The caller keeps `signed` on disk.
   *
   * @throws NotPermittedError's code when the wanted id is not to be had; UnreachableError, NetworkChangedError, BusyError's code
   */
  async register(registering: Registering, wait: Wait): Promise<RegisteredAnswer> {
    const { policy, host } = this.#options;
    const { wantedId } = registering;
    const request = { type: 'register', addrs: this.#addrs(), wantedId, certificate: policy.certificate } as const;
    const answer = await this.#ask(request, 'registered', wait);
    if (answer.certificate.peerId !== host.peerId) throw new UnexpectedMessageError('a certificate for somebody else');
    policy.holdCertificate(answer.signed.certificate);
    this.#noteMembers(answer.memberList);
    return answer;
  }

  /** Says that this peer stops. It keeps its id. End the subscription first, or it begins anew. */
  async stop(wait: Wait): Promise<void> {
    await this.#ask({ type: 'stop' }, 'done', wait);
  }

  /** Gives up this peer's id for good. */
  async leave(wait: Wait): Promise<void> {
    await this.#ask({ type: 'leave' }, 'done', wait);
  }

  /**
   * A random peer that is present.
   *
   * @param except PeerIds to be spared; of more than EXCEPTED_PEERS_MAX the last ones count
   * @throws the code UNREACHABLE when none is present, or no discovery peer answers
   */
  async randomPeer(except: readonly string[], wait: Wait): Promise<Contact> {
    return (await this.#ask({ type: 'random-peer', except }, 'peer', wait)).contact;
  }

  async members(wait: Wait): Promise<MembersAnswer> {
    const answer = await this.#ask({ type: 'members' }, 'members', wait);
    this.#noteMembers(answer.memberList);
    return answer;
  }

  /**
   * Keeps this peer present at the discovery peer, through all of its restarts and failures, until the signal. Resolves then.
   * Meanwhile the member list is followed, so that peers that left are not talked to.
   *
   * @throws the code NOT_PERMITTED when the discovery peer does not take this peer for a member: register again
   */
  subscribe(listener: (notice: PresenceNotice) => void, signal: AbortSignal): Promise<void> {
    const { random, log, policy } = this.#options;
    const open = (wait: Wait) => this.#withAny(wait, (target, targetWait) => this.#open(target, targetWait));
    const addrs = () => this.#addrs();
    return keepSubscribed({
      open,
      addrs,
      reader: () => policy.reader,
      listener: (notice) => {
        void this.#follow(notice.epoch, signal);
        listener(notice);
      },
      timing: this.#timing,
      random,
      log,
      signal,
    });
  }

  /** Asks for the member list when it has changed, but not too often: another notice comes soon. */
  async #follow(epoch: number, signal: AbortSignal): Promise<void> {
    const { policy, log } = this.#options;
    const now = performance.now();
    if (epoch <= policy.epoch || now < this.#followsAgainAt) return;
    this.#followsAgainAt = now + FOLLOW_GAP_MS;
    try {
      await this.members({ timeoutMs: FOLLOW_TIMEOUT_MS, signal });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      log.info('the member list did not come', { code: error.code, message: error.message, epoch });
    }
  }

  /** From now on void certificates are refused; those who are connected with one were accepted before it was void. */
  #noteMembers(list: MemberList): void {
    const { policy, host, log } = this.#options;
    policy.noteMembers(list);
    for (const { peerId } of list.members) {
      const contact = host.identityOf(peerId)?.contact;
      if (contact === undefined || !policy.voids(contact)) continue;
      log.info('a certificate is void', { peerId, epoch: list.epoch });
      host.disconnect(peerId);
    }
  }

  #addrs(): string[] {
    return this.#options.host.addrs().slice(0, ADDRS_PER_CONTACT_MAX);
  }

  async #ask<T extends DiscoveryAnswer['type']>(
    request: DiscoveryRequest,
    expected: T,
    wait: Wait,
  ): Promise<Extract<DiscoveryAnswer, { type: T }>> {
    const answer = await this.#withAny(wait, (target, targetWait) => this.#exchange(target, request, targetWait));
    if (answer.type === 'failure') throw answer.error;
    if (answer.type !== expected) throw new UnexpectedMessageError(`an answer "${answer.type}" to ${request.type}`);
    return answer as Extract<DiscoveryAnswer, { type: T }>;
  }

  async #exchange(target: DiscoveryTarget, request: DiscoveryRequest, wait: Wait): Promise<DiscoveryAnswer> {
    const deadline = new Deadline(wait);
    const { stream } = await this.#open(target, deadline.rest);
    try {
      await stream.writeFrame(encodeDiscoveryRequest(request), deadline.rest);
      const bytes = await stream.readFrame(DISCOVERY_ANSWER_BYTES_MAX, deadline.rest);
      if (bytes === undefined) throw new StreamClosedError('the discovery peer closed the stream instead of answering');
      return decodeDiscoveryAnswer(bytes, this.#options.policy.reader);
    } finally {
      // Nobody waits for the stream's end, and `finish` sees to it that there is one.
      void stream.finish({ timeoutMs: FINISH_TIMEOUT_MS });
    }
  }

  async #open(target: DiscoveryTarget, wait: Wait): Promise<OpenedStream> {
    const deadline = new Deadline(wait);
    const peerId = await this.#meet(target, deadline.rest);
    const stream = await this.#options.host.open({ peerId, addrs: target.addrs }, DISCOVERY_PROTOCOL, deadline.rest);
    return { stream, target };
  }

  /** The PeerId of the discovery peer there, once its hello was judged. */
  async #meet(target: DiscoveryTarget, wait: Wait): Promise<string> {
    const remote = await this.#options.host.meet(target, wait);
    if (remote.role === 'discovery') return remote.peerId;
    throw new HelloRefusedError(`at ${target.text} there is a ${remote.role}, not a discovery peer`);
  }

  /** Tries the discovery peers in turn, each with its share of the time that is left. */
  async #withAny<T>(wait: Wait, attempt: (target: DiscoveryTarget, wait: Wait) => Promise<T>): Promise<T> {
    const deadline = new Deadline(wait);
    const failures: { readonly target: DiscoveryTarget; readonly error: StoreError }[] = [];
    const targets = [...this.#targets];
    for (const [index, target] of targets.entries()) {
      const timeoutMs = deadline.rest.timeoutMs / (targets.length - index);
      try {
        const result = await attempt(target, { timeoutMs, signal: wait.signal });
        this.#targets = [target, ...this.#targets.filter((other) => other !== target)];
        return result;
      } catch (error) {
        if (!(error instanceof StoreError) || error instanceof InterruptedError || wait.signal?.aborted === true)
          throw error;
        failures.push({ target, error: this.#named(error) });
      }
    }
    throw noneAnswers(failures);
  }

  /** A refusal by a discovery peer of another network says so in its text. */
  #named(error: StoreError): StoreError {
    const { network } = this.#options.policy;
    const found = error instanceof HelloRefusedError ? foreignNetworkIn(error.message) : undefined;
    return found === undefined || network === undefined ? error : networkChanged(found, network.networkId);
  }
}

function noneAnswers(failures: readonly { target: DiscoveryTarget; error: StoreError }[]): StoreError {
  const first = failures[0];
  if (first === undefined) return new UsageError('no discovery address is known');
  if (failures.every(({ error }) => error instanceof NetworkChangedError)) {
    return new NetworkChangedError(`${first.target.text}: ${first.error.message}`, first.error);
  }
  const tried = failures
    .map(({ target, error }) => `${target.text} (${codeOf(error)}: ${messageOf(error)})`)
    .join('; ');
  return new UnreachableError(
    `no discovery peer answers; tried ${tried}. Is it running ("p2p-discovery start"), and is this its address?`,
    first.error,
  );
}
