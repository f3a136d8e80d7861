/**
 * What the catalog keeps of each record under its place on the ring, so that peers can compare what they hold without
 * reading records: version (24 bytes), whether it is a tombstone (1), size of the content (8). Written and deleted in
 * the very batch that changes the record.
 */

import { slotOfName } from '../id/key.ts';
import type { Version } from '../id/version.ts';
import type { SignedRecord } from '../wire/record.ts';
import { decodeVersion, encodeVersion } from '../wire/version-bytes.ts';
import { type Row, SLOT, plain } from './catalog-database.ts';

/** A record as peers compare it. */
export type Held = { readonly name: string; readonly version: Version; readonly tombstone: boolean };

export type SlotEntry = {
  readonly replicas: number;
  readonly slot: number;
  /** In UTF-8. */
  readonly name: Uint8Array;
  /** Version and tombstone: what two peers' copies can differ in. */
  readonly state: Uint8Array;
  /** Bytes of content. */
  readonly size: number;
};

const VERSION_BYTES = 24;
const STATE_BYTES = VERSION_BYTES + 1;
const VALUE_BYTES = STATE_BYTES + 8;
/** Hex digits of the number of replicas, and of the slot. */
const REPLICAS_DIGITS = 2;
const SLOT_DIGITS = 4;
const NAME_AT = SLOT.length + REPLICAS_DIGITS + SLOT_DIGITS;
const PLACE = /^slot:([0-9a-f]{2})([0-9a-f]{4})$/;

export function slotEntryOf({ name, replicas, version, tombstone, size }: SignedRecord): SlotEntry {
  const state = new Uint8Array(STATE_BYTES);
  state.set(encodeVersion(version));
  state[VERSION_BYTES] = tombstone ? 1 : 0;
  return { replicas, slot: slotOfName(name), name: Buffer.from(name), state, size };
}

/** The key before which the entries of a slot stand; of the slot behind the last one, where they all end. */
export function slotPrefix(replicas: number, slot: number): string {
  // The digit after 'f' is 'g': "10000" would sort before "ffff".
  const digits = slot > 0xffff ? 'g' : hex(slot, SLOT_DIGITS);
  return SLOT + hex(replicas, REPLICAS_DIGITS) + digits;
}

export function slotKey({ replicas, slot, name }: Pick<SlotEntry, 'replicas' | 'slot' | 'name'>): string {
  return slotPrefix(replicas, slot) + Buffer.from(name).toString();
}

export function encodeSlotEntry({ state, size }: SlotEntry): Uint8Array {
  const value = Buffer.alloc(VALUE_BYTES);
  value.set(state);
  value.writeDoubleBE(size, STATE_BYTES);
  return value;
}

/** Undefined when it is damaged. */
export function decodeSlotEntry([key, value]: Row): SlotEntry | undefined {
  const place = PLACE.exec(key.toString('latin1', 0, NAME_AT));
  if (place === null || value.length !== VALUE_BYTES) return undefined;
  const size = new DataView(value.buffer, value.byteOffset, value.length).getFloat64(STATE_BYTES);
  if (!Number.isSafeInteger(size) || size < 0) return undefined;
  const [replicas, slot] = [Number.parseInt(place[1] ?? '', 16), Number.parseInt(place[2] ?? '', 16)];
  return { replicas, slot, name: key.subarray(NAME_AT), state: value.subarray(0, STATE_BYTES), size };
}

export function heldOf([key, value]: Row): Held {
  return {
    name: key.toString('utf8', NAME_AT),
    version: decodeVersion(plain(value).subarray(0, VERSION_BYTES)),
    tombstone: value[VERSION_BYTES] === 1,
  };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
