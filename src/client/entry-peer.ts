/**
 * The peer that a client asks first. One is chosen when it is needed and kept while it answers; one that falls silent
 * is left for another, and passed over for as long as others are to be had.
 */

import { HelloRefusedError, StoreError, UnreachableError, type ErrorCode } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import type { Key } from '../id/id-space.ts';
import type { Host } from '../net/host.ts';
import { within, type Wait } from '../net/wait.ts';
import type { ContactReader } from '../wire/contact.ts';
import type { Located } from '../wire/lookup.ts';
import { LookupChannel } from './lookup-channel.ts';

/** Dialling a machine that is off gets no answer at all; this is when it is given up. */
export const ENTRY_DIAL_TIMEOUT_MS = 5_000;
/** An entry peer that is alive answers a lookup within this, or says that it could not. */
const LOOKUP_TIMEOUT_MS = 10_000;
/** Failed peers that are passed over. */
const FAILED_MAX = 16;

/** Signs that the entry peer itself is not there, as opposed to an answer of its that is unwelcome. */
const SILENCE = new Set<ErrorCode>(['TIMEOUT', 'STREAM_CLOSED', 'UNREACHABLE', 'NO_HELLO', 'HELLO_REFUSED']);

export type PickedEntry = {
  readonly contact: Contact;
  readonly dialTimeoutMs: number;
  /** Nobody said that it is there: when it is not, another one is picked at once. */
  readonly isGuess: boolean;
};

/** Names a peer to enter through, other than those, if there is any other. It guesses only when those are none. */
export type PickEntry = (except: readonly string[], wait: Wait) => Promise<PickedEntry>;

export class EntryPeer {
  readonly #host: Host;
  readonly #reader: ContactReader;
  readonly #pick: PickEntry;
  readonly #onMet: (contact: Contact) => void;
  #channel: LookupChannel | undefined;
  /** The channel to a peer that was only guessed. */
  #guessed: LookupChannel | undefined;
  #opening: Promise<LookupChannel> | undefined;
  #failed: string[] = [];

  /** @param onMet told of each peer that turned out to be alive */
  constructor(host: Host, reader: ContactReader, pick: PickEntry, onMet: (contact: Contact) => void) {
    this.#host = host;
    this.#reader = reader;
    this.#pick = pick;
    this.#onMet = onMet;
  }

  /** One attempt to find the root of a key. */
  async locate(key: Key, signal: AbortSignal | undefined): Promise<Located> {
    const channel = await this.#use(signal);
    try {
      const located = await channel.locate(key, { timeoutMs: LOOKUP_TIMEOUT_MS, signal });
      this.#onMet(located.root);
      return located;
    } catch (error) {
      if (!channel.usable || (error instanceof StoreError && error.code === 'TIMEOUT')) this.#abandon(channel);
      // A peer that was only remembered may be of another network by now; the discovery peer knows one that is not.
      if (channel === this.#guessed && error instanceof HelloRefusedError)
        throw new UnreachableError(error.message, error);
      throw error;
    }
  }

  /** Some live peer, without a lookup. */
  async contact(signal: AbortSignal | undefined): Promise<Contact> {
    return (await this.#use(signal)).entry;
  }

  close(): void {
    this.#channel?.close();
  }

  async #use(signal: AbortSignal | undefined): Promise<LookupChannel> {
    if (this.#channel?.usable === true) return this.#channel;
    if (this.#channel !== undefined) this.#abandon(this.#channel);
    // Operations side by side share the opening, so none of their signals may end it for the others.
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return within(this.#opening, { timeoutMs: Infinity, signal }, 'finding an entry peer');
  }

  async #open(): Promise<LookupChannel> {
    for (;;) {
      const picked = await this.#pick(this.#failed, { timeoutMs: ENTRY_DIAL_TIMEOUT_MS });
      const entry = picked.contact;
      try {
        const wait = { timeoutMs: picked.dialTimeoutMs };
        this.#channel = await LookupChannel.open(this.#host, entry, this.#reader, wait);
        if (picked.isGuess) this.#guessed = this.#channel;
        this.#onMet(entry);
        return this.#channel;
      } catch (error) {
        const silent = error instanceof StoreError && SILENCE.has(error.code);
        if (silent) this.#passOver(entry);
        if (!(silent && picked.isGuess)) throw error;
      }
    }
  }

  #abandon(channel: LookupChannel): void {
    channel.close();
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    this.#passOver(channel.entry);
  }

  #passOver(entry: Contact): void {
    this.#failed = [...this.#failed.filter((peerId) => peerId !== entry.peerId), entry.peerId].slice(-FAILED_MAX);
  }
}
