/**
 * Ed25519 on node:crypto, with prepared keys. libp2p's own key objects build the platform's key anew for every
 * signature and every check, which costs as much again; here a signer's key is prepared once, and so are the keys of
 * those whose signatures come in again and again.
 */

import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { PrivateKey } from '@libp2p/interface';
import { concatBytes, equalBytes } from '../base/bytes.ts';
import { assert } from '../base/assert.ts';

/** libp2p's protobuf form of an Ed25519 public key: field 1 is 1 (the kind), field 2 the 32 bytes. */
const PROTOBUF_PREFIX = Uint8Array.of(0x08, 0x01, 0x12, 0x20);
/** RFC 8410: the fixed beginnings of an Ed25519 key in SPKI and in PKCS #8. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEY_BYTES = 32;
const PUBLIC_KEYS_MAX = 1024;

const privateKeys = new WeakMap<PrivateKey, KeyObject>();
const publicKeys = new Map<string, KeyObject>();

/** @param key an Ed25519 key */
export function signBytes(key: PrivateKey, bytes: Uint8Array): Uint8Array {
  assert(key.type === 'Ed25519', 'signatures here are Ed25519');
  let prepared = privateKeys.get(key);
  if (prepared === undefined) {
    // libp2p keeps the public half behind the private one.
    const der = Buffer.concat([PKCS8_PREFIX, key.raw.subarray(0, KEY_BYTES)]);
    prepared = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    privateKeys.set(key, prepared);
  }
  return sign(null, bytes, prepared);
}

/** Whether these bytes are the one form in which an Ed25519 public key is written. */
export function isCanonicalPublicKey(publicKey: Uint8Array): boolean {
  return (
    publicKey.length === PROTOBUF_PREFIX.length + KEY_BYTES &&
    equalBytes(publicKey.subarray(0, PROTOBUF_PREFIX.length), PROTOBUF_PREFIX)
  );
}

/** @param publicKey in libp2p's protobuf form, canonical */
export function isSignedBy(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, bytes, preparedPublicKey(publicKey), signature);
}

function preparedPublicKey(publicKey: Uint8Array): KeyObject {
  const known = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.length).toString('latin1');
  let prepared = publicKeys.get(known);
  if (prepared === undefined) {
    const der = concatBytes([SPKI_PREFIX, publicKey.subarray(PROTOBUF_PREFIX.length)]);
    prepared = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
    const oldest = publicKeys.keys().next();
    if (publicKeys.size >= PUBLIC_KEYS_MAX && oldest.done !== true) publicKeys.delete(oldest.value);
    publicKeys.set(known, prepared);
  }
  return prepared;
}
