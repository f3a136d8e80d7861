/**
 * What some neighbours have of a name. A root that has not compared its directory with theirs yet, because it or they
 * have just come, asks before it answers. Names that are asked for at the same time travel together, one inquiry
 * under way per neighbour: with 64 stores in flight that is a small part of a message each.
 */

import { BadMessageError, StoreError, UnreachableError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Contact } from '../id/contact.ts';
import { compareVersions } from '../id/version.ts';
import type { StreamPool } from '../net/stream-pool.ts';
import type { Holding } from '../wire/holding.ts';
import { HOLDINGS_NAMES_MAX } from '../wire/limits.ts';
import { askReplica } from './ask-replica.ts';

/**
 * A neighbour that is alive on the ring and has answered no inquiry for this long is broken in some other way. It is
 * asked on, but nobody waits for it any more: one sick peer must not stop the stores of all its neighbours.
 */
const GIVEN_UP_MS = 15_000;

export type Found = { readonly holder: Contact; readonly holding: Holding };

export type InquiryResult = {
  /** The highest version that a neighbour has, tombstones included. */
  readonly highest: Found | undefined;
  /** Neighbours that did not answer in time. */
  readonly silent: readonly Contact[];
};

type Question = { readonly name: string; answer(holding: Holding | undefined | 'silent'): void };

/** The inquiries to one neighbour: one under way, the next names waiting. */
class NeighbourQueue {
  readonly #waiting: Question[] = [];
  readonly #send: (names: readonly string[]) => Promise<readonly (Holding | undefined)[]>;
  readonly #log: Log;
  readonly #peerId: string;
  #busy = false;
  #silentSince: number | undefined;

  constructor(peerId: string, send: (names: readonly string[]) => Promise<readonly (Holding | undefined)[]>, log: Log) {
    this.#peerId = peerId;
    this.#send = send;
    this.#log = log;
  }

  get idle(): boolean {
    return !this.#busy;
  }

  ask(name: string): Promise<Holding | undefined | 'silent'> {
    return new Promise((answer) => {
      const givenUp = this.#silentSince !== undefined && performance.now() - this.#silentSince > GIVEN_UP_MS;
      if (givenUp) answer(undefined);
      if (givenUp && this.#busy) return;
      this.#waiting.push({ name, answer });
      if (!this.#busy) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#busy = true;
    // Names asked for in the same turn of the event loop go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, HOLDINGS_NAMES_MAX);
      try {
        const holdings = await this.#send(batch.map(({ name }) => name));
        this.#silentSince = undefined;
        batch.forEach((question, index) => question.answer(holdings[index]));
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.#silentSince ??= performance.now();
        this.#log.debug('inquiry-unanswered', { remote: this.#peerId, code: error.code, message: error.message });
        for (const question of batch) question.answer('silent');
      }
    }
    this.#busy = false;
  }
}

export class LeafSetInquiry {
  readonly #pool: StreamPool;
  readonly #leafSet: () => readonly Contact[];
  readonly #log: Log;
  readonly #queues = new Map<string, NeighbourQueue>();

  constructor(pool: StreamPool, leafSet: () => readonly Contact[], log: Log) {
    this.#pool = pool;
    this.#leafSet = leafSet;
    this.#log = log;
  }

  /** What one neighbour has. */
  askOne(name: string, neighbour: Contact): Promise<Holding | undefined | 'silent'> {
    return this.#queueOf(neighbour).ask(name);
  }

  /** Ends when all of these neighbours have answered, failed or run out of time. */
  async ask(name: string, neighbours: readonly Contact[]): Promise<InquiryResult> {
    const answers = await Promise.all(neighbours.map((neighbour) => this.askOne(name, neighbour)));
    let highest: Found | undefined;
    const silent: Contact[] = [];
    neighbours.forEach((holder, index) => {
      const holding = answers[index];
      if (holding === 'silent') silent.push(holder);
      else if (
        holding !== undefined &&
        (highest === undefined || compareVersions(holding.version, highest.holding.version) > 0)
      ) {
        highest = { holder, holding };
      }
    });
    return { highest, silent };
  }

  #queueOf(neighbour: Contact): NeighbourQueue {
    const existing = this.#queues.get(neighbour.peerId);
    if (existing !== undefined) return existing;
    // Queues of former neighbours go when a new one comes, so the map stays as large as the leaf set.
    const present = new Set(this.#leafSet().map(({ peerId }) => peerId));
    for (const [peerId, queue] of this.#queues) if (!present.has(peerId) && queue.idle) this.#queues.delete(peerId);
    const queue = new NeighbourQueue(neighbour.peerId, (names) => this.#holdingsOf(neighbour.peerId, names), this.#log);
    this.#queues.set(neighbour.peerId, queue);
    return queue;
  }

  async #holdingsOf(peerId: string, names: readonly string[]): Promise<readonly (Holding | undefined)[]> {
    // The addresses as they are now: the neighbour may have come back elsewhere.
    const request = { type: 'holdings', names, offered: [], leaving: false } as const;
    const target = this.#leafSet().find((contact) => contact.peerId === peerId);
    if (target === undefined) throw new UnreachableError('it is no neighbour any more');
    const { holdings } = await askReplica(this.#pool, target, request, 'holdings');
    if (holdings.length !== names.length) throw new BadMessageError('an answer to an inquiry that does not fit it');
    return holdings;
  }
}
