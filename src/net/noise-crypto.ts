/**
 * The cryptography under Noise, on node:crypto alone. Same algorithms as libp2p's default; what differs is the cost per
 * message: the key is prepared once per direction instead of once per message, and no output is copied together.
 * The handshake runs on OpenSSL, too, so that a short-lived client need not warm up JavaScript for it.
 */

import { createCipheriv, createDecipheriv, createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { ICryptoInterface } from '@chainsafe/libp2p-noise';
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto';
import { Uint8ArrayList } from 'uint8arraylist';

const ALGORITHM = 'chacha20-poly1305';
const TAG_BYTES = 16;
const TAG_OPTIONS = { authTagLength: TAG_BYTES } as const;

/** Noise hands in the same array for a key as long as the key lives. */
const keys = new WeakMap<Uint8Array, KeyObject>();

function prepared(key: Uint8Array): KeyObject {
  let object = keys.get(key);
  if (object === undefined) {
    object = createSecretKey(key);
    keys.set(key, object);
  }
  return object;
}

/** Noise brings an older major version of Uint8ArrayList than ours; the two know each other at run time. */
type Bytes = Parameters<ICryptoInterface['hashSHA256']>[0];

function list(bytes: Uint8Array[], length: number): Bytes {
  return Uint8ArrayList.fromUint8Arrays(bytes, length) as unknown as Bytes;
}

function pieces(data: Bytes): Iterable<Uint8Array> {
  return data instanceof Uint8Array ? [data] : data;
}

function hmac(key: Uint8Array, ...data: Uint8Array[]): Uint8Array {
  const mac = createHmac('sha256', key);
  for (const piece of data) mac.update(piece);
  return mac.digest();
}

export const nodeNoiseCrypto: ICryptoInterface = {
  ...defaultCrypto,

  hashSHA256(data) {
    const hash = createHash('sha256');
    for (const piece of pieces(data)) hash.update(piece);
    return hash.digest();
  },

  /** HKDF of the Noise specification, section 4.3: three chained outputs of 32 bytes. */
  getHKDF(chainingKey, input) {
    const secret = hmac(chainingKey, input);
    const first = hmac(secret, Uint8Array.of(1));
    const second = hmac(secret, first, Uint8Array.of(2));
    return [first, second, hmac(secret, second, Uint8Array.of(3))];
  },

  chaCha20Poly1305Encrypt(plaintext, nonce, additional, key) {
    const cipher = createCipheriv(ALGORITHM, prepared(key), nonce, TAG_OPTIONS);
    cipher.setAAD(additional, { plaintextLength: plaintext.byteLength });
    const sealed: Uint8Array[] = [];
    for (const piece of pieces(plaintext)) sealed.push(cipher.update(piece));
    cipher.final();
    sealed.push(cipher.getAuthTag());
    return list(sealed, plaintext.byteLength + TAG_BYTES);
  },

  chaCha20Poly1305Decrypt(sealed, nonce, additional, key) {
    const length = sealed.byteLength - TAG_BYTES;
    const decipher = createDecipheriv(ALGORITHM, prepared(key), nonce, TAG_OPTIONS);
    decipher.setAAD(additional, { plaintextLength: length });
    decipher.setAuthTag(sealed.subarray(length));
    const opened: Uint8Array[] = [];
    for (const piece of pieces(sealed instanceof Uint8Array ? sealed.subarray(0, length) : sealed.sublist(0, length))) {
      opened.push(decipher.update(piece));
    }
    decipher.final();
    return opened.length === 1 && opened[0] !== undefined ? opened[0] : list(opened, length);
  },
};
