/**
 * Which members are there right now: those whose subscription stands. One subscription per member, the latest. Drawing
 * one at random takes the same time whatever their number.
 */

import { defined } from '../base/assert.ts';
import { randomBelow, type Random } from '../base/random.ts';
import type { Contact } from '../id/contact.ts';

export type Subscriber = {
  readonly contact: () => Contact;
  /** Somebody else has arrived. */
  readonly onArrived: (contact: Contact) => void;
  /** It counts no longer: it has said that it stops, or has subscribed anew. */
  readonly onReplaced: () => void;
};

export class Presence {
  readonly #random: Random;
  readonly #subscribers = new Map<string, Subscriber>();
  /** The same PeerIds in an array, to draw from, and where each stands in it. */
  readonly #order: string[] = [];
  readonly #places = new Map<string, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  get count(): number {
    return this.#order.length;
  }

  has(peerId: string): boolean {
    return this.#subscribers.has(peerId);
  }

  /** Counts it as present and tells the others. */
  arrive(subscriber: Subscriber): void {
    const contact = subscriber.contact();
    this.dismiss(contact.peerId);
    for (const other of this.#subscribers.values()) other.onArrived(contact);
    this.#subscribers.set(contact.peerId, subscriber);
    this.#places.set(contact.peerId, this.#order.length);
    this.#order.push(contact.peerId);
  }

  /** Its subscription has ended; without effect when a later one stands. */
  depart(peerId: string, subscriber: Subscriber): void {
    if (this.#subscribers.get(peerId) === subscriber) this.#remove(peerId);
  }

  /** Counts it as absent, and ends its subscription. */
  dismiss(peerId: string): void {
    const subscriber = this.#subscribers.get(peerId);
    if (subscriber === undefined) return;
    this.#remove(peerId);
    subscriber.onReplaced();
  }

  /** Up to `count` different ones that are present, drawn at random, without those excepted. */
  sample(count: number, except: ReadonlySet<string>): Contact[] {
    const drawn = new Map<string, Contact>();
    const draw = (peerId: string) => {
      if (!except.has(peerId))
        drawn.set(peerId, defined(this.#subscribers.get(peerId), 'ordered ones subscribe').contact());
    };
    // Few are wanted of many: draw blindly, a bounded number of times. Otherwise go round from a random start.
    for (let tries = 4 * count; tries > 0 && drawn.size < count && this.#order.length > 4 * count; tries--) {
      draw(defined(this.#order[randomBelow(this.#random, this.#order.length)], 'a place in the order'));
    }
    const rest = drawn.size < count ? shuffled(this.#order, this.#random) : [];
    for (const peerId of rest) {
      if (drawn.size >= count) break;
      draw(peerId);
    }
    return [...drawn.values()];
  }

  #remove(peerId: string): void {
    this.#subscribers.delete(peerId);
    const place = defined(this.#places.get(peerId), 'subscribers have a place');
    this.#places.delete(peerId);
    const last = defined(this.#order.pop(), 'the order holds every subscriber');
    if (last === peerId) return;
    this.#order[place] = last;
    this.#places.set(last, place);
  }
}

/** A copy in random order (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = randomBelow(random, i + 1);
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}
