/**
 * A file's version: a counter, and 16 random bytes drawn for the operation, so that two stores of one name are
 * never equal by accident. Totally ordered: counter first, then the tag byte by byte. A higher one replaces a
 * lower one, for ever.
 */

import { compareBytes, fromHex, toHex } from '../base/bytes.ts';

export const VERSION_TAG_BYTES = 16;
/** Counters stay exact as numbers. A writer goes up by one, so nobody comes near it by honest work. */
export const VERSION_COUNTER_MAX = Number.MAX_SAFE_INTEGER;

export type Version = { readonly counter: number; readonly tag: Uint8Array };

export function compareVersions(a: Version, b: Version): number {
  return a.counter !== b.counter ? a.counter - b.counter : compareBytes(a.tag, b.tag);
}

/** `counter-tag`, the tag in hex: the form for people and JSON. */
export function formatVersion(version: Version): string {
  return `${String(version.counter)}-${toHex(version.tag)}`;
}

const VERSION_TEXT = /^([1-9]\d*)-([0-9a-f]{32})$/;

/** What `formatVersion` has made; undefined for anything else. */
export function parseVersion(text: string): Version | undefined {
  const [, digits, hex = ''] = VERSION_TEXT.exec(text) ?? [];
  const counter = Number(digits);
  const tag = fromHex(hex);
  return Number.isSafeInteger(counter) && tag?.length === VERSION_TAG_BYTES ? { counter, tag } : undefined;
}
