/**
 * A signed thing: {domain, payload, public key, signature}. It travels and is kept as the very bytes that were
 * signed; nobody re-encodes one. The domain is part of what is signed and never contains a NUL, so that no
 * signature made for one kind of thing serves as another.
 */

import { publicKeyToProtobuf } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { concatBytes, equalBytes } from '../base/bytes.ts';
import { BadMessageError } from '../base/errors.ts';
import { utf8 } from '../id/key.ts';
import { Envelope as WireEnvelope } from './generated/envelope.ts';
import { check, decodeWith } from './decode.ts';
import { ENVELOPE_BYTES_MAX } from './limits.ts';
import { isCanonicalPublicKey, isSignedBy, signBytes } from './signatures.ts';

export type EnvelopeDomain = 'parameters' | 'certificate' | 'member-list' | 'record';

/** Of an Ed25519 signature. */
const SIGNATURE_BYTES = 64;

/** An envelope whose signature was checked. */
export type OpenedEnvelope = {
  readonly payload: Uint8Array;
  /** libp2p's protobuf form of the signer's public key. */
  readonly publicKey: Uint8Array;
};

function signedBytes(domain: string, payload: Uint8Array): Uint8Array {
  return concatBytes([utf8(`p2p-file-store:${domain}\0`), payload]);
}

/** @param key an Ed25519 key */
export function sealEnvelope(key: PrivateKey, domain: EnvelopeDomain, payload: Uint8Array): Uint8Array {
  const signature = signBytes(key, signedBytes(domain, payload));
  return WireEnvelope.encode({ domain, payload, publicKey: publicKeyToProtobuf(key.publicKey), signature });
}

/**
 * Checks domain and signature.
 *
 * @throws BadMessageError when it is no envelope, of another domain, or its signature does not hold
 */
export function openEnvelope(domain: EnvelopeDomain, bytes: Uint8Array, bytesMax = ENVELOPE_BYTES_MAX): OpenedEnvelope {
  const envelope = decodeWith(WireEnvelope, bytes, bytesMax, 'envelope');
  // protobuf has many ways to write one message; a signed thing has one, so that equal things are equal bytes.
  check(equalBytes(WireEnvelope.encode(envelope), bytes), 'an envelope that is not in canonical form');
  if (envelope.domain !== domain) {
    throw new BadMessageError(
      `an envelope of the domain "${envelope.domain.slice(0, 40)}" where one of "${domain}" belongs`,
    );
  }
  check(isCanonicalPublicKey(envelope.publicKey), 'an envelope whose public key is not a canonical Ed25519 key');
  check(envelope.signature.length === SIGNATURE_BYTES, 'an envelope whose signature is not 64 bytes');
  const signed = signedBytes(domain, envelope.payload);
  check(isSignedBy(envelope.publicKey, signed, envelope.signature), `the signature of a ${domain} does not hold`);
  return { payload: envelope.payload, publicKey: envelope.publicKey };
}
