/**
 * How large each kind of message may be, and how many items a list in one may have. A frame's length is checked
 * against these before anything is allocated. Their relations to each other are asserted here, once.
 */

import { assert } from '../base/assert.ts';
import { NAME_BYTES_MAX } from '../id/key.ts';

/** A record with a name of full length, keys and signatures; a certificate is far smaller. */
export const ENVELOPE_BYTES_MAX = 4 * 1024;
/** The member list of the largest network that is planned for, 65,536 peers at about 70 bytes each. */
export const MEMBER_LIST_BYTES_MAX = 8 * 1024 * 1024;

export const ADDRS_PER_CONTACT_MAX = 16;
export const ADDR_BYTES_MAX = 256;
export const CONTACT_BYTES_MAX = 2 * 1024;
/** Two leaf sets of the largest width, or a full routing row and a leaf set. */
export const CONTACTS_PER_MESSAGE_MAX = 64;
/** Tag and length in front of an item in a message. */
const FIELD_BYTES = 8;

export const HELLO_BYTES_MAX = 16 * 1024;
export const OVERLAY_FRAME_BYTES_MAX = 144 * 1024;
export const DISCOVERY_REQUEST_BYTES_MAX = 16 * 1024;
export const DISCOVERY_ANSWER_BYTES_MAX = MEMBER_LIST_BYTES_MAX + 256 * 1024;

/** A request or an answer of the file protocol, content aside. */
export const FILE_FRAME_BYTES_MAX = 256 * 1024;
export const HOLDINGS_NAMES_MAX = 64;
export const LIST_PAGE_RECORDS_MAX = 32;

/** A request or an answer between replicas, content aside. */
export const REPLICA_FRAME_BYTES_MAX = 256 * 1024;
/** Ranges that are compared at one go. */
export const COMPARE_RANGES_MAX = 1024;
export const ENTRIES_PAGE_MAX = 128;
/** A name's version, owner and what stands around them. */
const HOLDING_BYTES_MAX = 256;

export const HASH_BYTES = 32;
/** Chunk hashes travel in pages of this size: 128 KiB. */
export const HASHES_PER_PAGE = 4096;
/** Chunks of one file: bounds the memory for its list of hashes to 32 MiB, and files of 1 MiB chunks to 1 TiB. */
export const CHUNKS_PER_FILE_MAX = 1024 * 1024;

assert(CONTACT_BYTES_MAX < ENVELOPE_BYTES_MAX, 'a contact is smaller than the largest envelope');
assert(
  CONTACTS_PER_MESSAGE_MAX * (CONTACT_BYTES_MAX + FIELD_BYTES) + 1024 <= OVERLAY_FRAME_BYTES_MAX,
  'a full list of contacts fits a frame, with what stands around it',
);
assert(HOLDINGS_NAMES_MAX * (NAME_BYTES_MAX + 16) < FILE_FRAME_BYTES_MAX, 'a full inquiry fits a frame');
assert(
  ENTRIES_PAGE_MAX * (NAME_BYTES_MAX + HOLDING_BYTES_MAX) < REPLICA_FRAME_BYTES_MAX,
  'a full page of entries fits a frame',
);
assert(
  LIST_PAGE_RECORDS_MAX * ENVELOPE_BYTES_MAX + CONTACTS_PER_MESSAGE_MAX * CONTACT_BYTES_MAX <= FILE_FRAME_BYTES_MAX,
  'a full page fits a frame',
);
