/** What every file operation of a peer works with, and the few questions about the ring that it may ask. */

import type { Log } from '../base/log.ts';
import type { Contact } from '../id/contact.ts';
import type { IdSpace, Key } from '../id/id-space.ts';
import type { NetworkParameters } from '../membership/network-parameters.ts';
import type { StorageDirectory } from '../store/storage-directory.ts';
import type { LeafSetInquiry } from './leaf-set-inquiry.ts';
import { Slots } from './slots.ts';

/** A peer's view of the ring. */
export type Ring = {
  readonly self: Contact;
  /** Joined, and neither stopping nor stopped. */
  active(): boolean;
  /** This peer is active and the closest live one to the key, as far as it can know. */
  isRoot(key: Key): boolean;
  /** The closest live peer to the key that this one knows, itself included. */
  closest(key: Key): Contact;
  leafSet(): readonly Contact[];
  /** A peer that is known, away, and closer to the key than all that are here: what it holds, nobody else can tell. */
  absentRoot(key: Key): Contact | undefined;
};

export type FileContext = {
  readonly ring: Ring;
  readonly storage: StorageDirectory;
  readonly inquiry: LeafSetInquiry;
  readonly networkId: Uint8Array;
  readonly idSpace: IdSpace;
  readonly parameters: NetworkParameters;
  readonly log: Log;
  /** Fetches and stores under way. */
  readonly reading: Slots;
  readonly writing: Slots;
};

/** Each holds up to three chunks and a descriptor. Clients have 64 operations in flight. */
const READS_AT_ONCE = 64;
const WRITES_AT_ONCE = 128;
/** Shorter than a client waits for an answer, so that it hears the reason. */
const TURN_TIMEOUT_MS = 8_000;

export function operationSlots(): Pick<FileContext, 'reading' | 'writing'> {
  return {
    reading: new Slots('fetches', READS_AT_ONCE, TURN_TIMEOUT_MS),
    writing: new Slots('stores', WRITES_AT_ONCE, TURN_TIMEOUT_MS),
  };
}

/** A client that sends nothing of a request's next frame for this long has gone away; pipes may pause that long. */
export const CONTENT_IDLE_TIMEOUT_MS = 10 * 60_000;
/** An answer that the other side does not take for this long is given up. */
export const ANSWER_TIMEOUT_MS = 60_000;
