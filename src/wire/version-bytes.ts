/** A version as 24 bytes: the counter, big-endian, then the tag. Comparing the bytes compares the versions. */

import { assert } from '../base/assert.ts';
import { VERSION_COUNTER_MAX, VERSION_TAG_BYTES, type Version } from '../id/version.ts';
import { check } from './decode.ts';

const COUNTER_BYTES = 8;

export function encodeVersion(version: Version): Uint8Array {
  assert(version.tag.length === VERSION_TAG_BYTES, 'a version tag has 16 bytes');
  const bytes = new Uint8Array(COUNTER_BYTES + VERSION_TAG_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(version.counter));
  bytes.set(version.tag, COUNTER_BYTES);
  return bytes;
}

/** @throws BadMessageError */
export function decodeVersion(bytes: Uint8Array): Version {
  check(bytes.length === COUNTER_BYTES + VERSION_TAG_BYTES, 'a version is 24 bytes');
  const counter = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  check(counter >= 1n && counter <= BigInt(VERSION_COUNTER_MAX), 'a version counter is out of range');
  return { counter: Number(counter), tag: bytes.slice(COUNTER_BYTES) };
}
