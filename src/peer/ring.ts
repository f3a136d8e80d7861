/** The few questions about the ring that the parts of a peer may ask. */

import type { Contact } from '../id/contact.ts';
import type { Key } from '../id/id-space.ts';

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
  /** The leaf set can be relied upon for the k closest peers to this key. */
  isSettledFor(key: Key, k: number): boolean;
  /** Every peer that is known, those that are away included. */
  knownContacts(): readonly Contact[];
};
