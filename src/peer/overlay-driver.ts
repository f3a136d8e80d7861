/**
 * Carries out what the overlay core decides: sends its messages over the neighbour links, wakes it at its deadlines,
 * hands it what arrives, and turns its lookups into promises. It decides nothing itself.
 */

import { randomBytes } from 'node:crypto';
import { NotReadyError, UnexpectedMessageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import type { Contact } from '../id/contact.ts';
import type { Key } from '../id/id-space.ts';
import type { NetworkParameters } from '../membership/network-parameters.ts';
import type { Host } from '../net/host.ts';
import type { RemoteIdentity } from '../net/link.ts';
import { NeighbourLinks } from '../net/neighbour-links.ts';
import type { OverlayEffect, OverlayEvent, OverlayFact } from '../overlay/events.ts';
import { OverlayNode } from '../overlay/overlay-node.ts';
import { DEFAULT_OVERLAY_PARAMETERS } from '../overlay/parameters.ts';
import type { ContactReader } from '../wire/contact.ts';
import { OVERLAY_FRAME_BYTES_MAX } from '../wire/limits.ts';
import type { Located } from '../wire/lookup.ts';
import { decodeOverlayMessage, encodeOverlayMessage, OVERLAY_PROTOCOL } from '../wire/overlay.ts';
import type { Ring } from './ring.ts';

/** What may wait for one neighbour: a few hundred lookups with their answers. */
const QUEUE_BYTES_MAX = 4 * 1024 * 1024;
/** Longest timer of the platform. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/**
 * When no known peer has said anything for so long, all of them are taken to be down, and this one founds a ring. Should
 * some of them be up after all, the two rings become one as soon as one peer hears of another.
 */
const UNHEARD_MS = 6_000;
/** Time for the goodbyes to leave. */
const FLUSH_TIMEOUT_MS = 300;

export type OverlayDriverOptions = {
  readonly host: Host;
  readonly self: Contact;
  readonly parameters: NetworkParameters;
  readonly reader: ContactReader;
  readonly log: Log;
  /** The neighbours changed, or this peer has joined; called often, so it must be cheap. */
  readonly onNeighboursChanged: () => void;
};

type Waiter = { readonly resolve: (located: Located) => void; readonly reject: (error: Error) => void };

export class OverlayDriver implements Ring {
  readonly self: Contact;
  readonly #options: OverlayDriverOptions;
  readonly #node: OverlayNode;
  readonly #links: NeighbourLinks;
  readonly #lookups = new Map<number, Waiter>();
  readonly #joined = Promise.withResolvers<undefined>();
  #lastLookupId = 0;
  /** Anything came from another peer. */
  #heard = false;
  #timer: NodeJS.Timeout | undefined;
  #wakesAt = Infinity;
  #over = false;

  constructor(options: OverlayDriverOptions) {
    const { host, self, parameters, log } = options;
    this.#options = options;
    this.self = self;
    const overlay = { ...DEFAULT_OVERLAY_PARAMETERS, idBits: parameters.idBits, leafSetHalf: parameters.leafSetHalf };
    this.#node = new OverlayNode(self, overlay, seededRandom(randomBytes(4).readUInt32BE()));
    this.#links = new NeighbourLinks(host, OVERLAY_PROTOCOL, {
      onMessage: (remote, frame) => this.#receive(remote, frame),
      onUnreachable: (contact) => this.#step({ type: 'unreachable', contact }),
      log,
      frameBytesMax: OVERLAY_FRAME_BYTES_MAX,
      queueBytesMax: QUEUE_BYTES_MAX,
    });
  }

  /**
   * Begins to join through these peers, or founds a ring where there are none, or none of them gives a sign of life.
   * Settles when joined.
   */
  async start(seeds: readonly Contact[]): Promise<void> {
    await this.#links.ready;
    this.#step({ type: 'start', seeds });
    const unheard = setTimeout(() => {
      if (this.#heard || this.#node.state !== 'joining') return;
      this.#options.log.info('nobody-answers', { seeds: seeds.length });
      this.#step({ type: 'start', seeds: [], alone: true });
    }, UNHEARD_MS);
    await this.#joined.promise.finally(() => {
      clearTimeout(unheard);
    });
  }

  /** Peers that were heard of elsewhere. */
  hear(contacts: readonly Contact[]): void {
    this.#step({ type: 'contacts', contacts });
  }

  active(): boolean {
    return this.#node.state === 'active';
  }

  isRoot(key: Key): boolean {
    return this.#node.isRoot(key);
  }

  closest(key: Key): Contact {
    return this.#node.closest(key);
  }

  leafSet(): readonly Contact[] {
    return this.#node.leafSet();
  }

  isSettledFor(key: Key, k: number): boolean {
    return this.#node.replicaSet(key, k) !== undefined;
  }

  /** Every peer that is known, those that are away included: worth remembering for the next start. */
  knownContacts(): readonly Contact[] {
    return this.#node.knownContacts();
  }

  /** @throws NotReadyError while this peer is joining, stops, or found no way in time */
  locate(key: Key): Promise<Located> {
    if (!this.active()) return Promise.reject(new NotReadyError('this peer has not joined the ring yet'));
    const lookupId = ++this.#lastLookupId;
    return new Promise((resolve, reject) => {
      this.#lookups.set(lookupId, { resolve, reject });
      this.#step({ type: 'lookup', key, lookupId });
    });
  }

  /** Says goodbye to the neighbours, who will see this peer again unless it is for good. */
  async stop(forGood = false): Promise<void> {
    if (this.#over) return;
    this.#step({ type: forGood ? 'leave' : 'stop' });
    this.#over = true;
    clearTimeout(this.#timer);
    await this.#links.flush(FLUSH_TIMEOUT_MS);
    this.#links.close();
  }

  #receive(remote: RemoteIdentity, frame: Uint8Array): void {
    const from = remote.contact;
    if (from === undefined) throw new UnexpectedMessageError(`a ${remote.role} may not speak the overlay's protocol`);
    this.#heard = true;
    const message = decodeOverlayMessage(frame, this.#options.reader);
    this.#step({ type: 'message', from, message });
  }

  #step(event: OverlayEvent): void {
    if (this.#over) return;
    const effects = this.#node.step(event, performance.now());
    for (const effect of effects) this.#act(effect);
    this.#setTimer();
  }

  #act(effect: OverlayEffect): void {
    switch (effect.type) {
      case 'send':
        this.#links.send(effect.to, encodeOverlayMessage(effect.message));
        return;
      case 'found': {
        const { root, replicaSet, path, intervals } = effect;
        const kept = replicaSet.slice(0, this.#options.parameters.replicas);
        this.#settle(effect.lookupId, (waiter) => waiter.resolve({ root, replicaSet: kept, path, intervals }));
        return;
      }
      case 'lookup-failed': {
        const error = new NotReadyError(`the lookup found no way to the root (${effect.reason})`);
        this.#settle(effect.lookupId, (waiter) => waiter.reject(error));
        return;
      }
      case 'joined':
        this.#options.onNeighboursChanged();
        this.#joined.resolve(undefined);
        return;
      case 'neighbours-changed':
        this.#options.onNeighboursChanged();
        this.#options.log.debug('leaf-set', { nodeIds: this.#formatted(this.leafSet()) });
        return;
      case 'observe':
        this.#observe(effect.fact);
    }
  }

  #settle(lookupId: number | string, settle: (waiter: Waiter) => void): void {
    const waiter = this.#lookups.get(Number(lookupId));
    this.#lookups.delete(Number(lookupId));
    if (waiter !== undefined) settle(waiter);
  }

  #formatted(contacts: readonly Contact[]): string {
    return contacts.map(({ nodeId }) => this.#options.reader.idSpace.format(nodeId)).join(',');
  }

  #observe(fact: OverlayFact): void {
    const { log, reader } = this.#options;
    switch (fact.kind) {
      case 'dead':
        log.info('peer-gone', { nodeId: reader.idSpace.format(fact.nodeId) });
        return;
      case 'suspected':
      case 'recovered':
        log.debug(`peer-${fact.kind}`, { nodeId: reader.idSpace.format(fact.nodeId) });
        return;
      case 'stalled':
        log.debug('stalled', { lateMs: Math.round(fact.lateMs) });
        return;
      case 'founded':
        log.info('ring-founded');
        return;
      default: // Too many to be logged one by one.
    }
  }

  #setTimer(): void {
    const wakesAt = this.#node.nextDeadline();
    if (wakesAt === this.#wakesAt) return;
    this.#wakesAt = wakesAt;
    clearTimeout(this.#timer);
    if (wakesAt === Infinity) return;
    const delayMs = Math.min(Math.max(0, wakesAt - performance.now()), TIMER_MS_MAX);
    this.#timer = setTimeout(() => {
      this.#wakesAt = Infinity;
      this.#step({ type: 'tick' });
    }, delayMs);
  }
}
