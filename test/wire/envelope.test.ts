import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/base/bytes.ts';
import { BadMessageError, FrameTooLargeError, StoreError } from '../../src/base/errors.ts';
import { utf8 } from '../../src/id/key.ts';
import { openEnvelope, sealEnvelope } from '../../src/wire/envelope.ts';
import { Envelope } from '../../src/wire/generated/envelope.ts';
import { ENVELOPE_BYTES_MAX } from '../../src/wire/limits.ts';
import { flipped } from './signing.ts';

const payload = utf8('what is signed');

describe('an envelope', () => {
  it('gives back payload and signer', async () => {
    const key = await generateKeyPair('Ed25519');
    const opened = openEnvelope('record', sealEnvelope(key, 'record', payload));
    expect(opened.payload).toEqual(payload);
    expect(opened.publicKey).toEqual(publicKeyToProtobuf(key.publicKey));
  });

  it('is refused with any bit of any byte changed', async () => {
    const envelope = sealEnvelope(await generateKeyPair('Ed25519'), 'certificate', payload);
    for (let index = 0; index < envelope.length; index++) {
      for (let bit = 0; bit < 8; bit++) {
        const opening = () => openEnvelope('certificate', flipped(envelope, index, bit));
        expect(opening, `byte ${index}, bit ${bit}`).toThrow(BadMessageError);
      }
    }
  });

  it('is refused with bytes missing, or more after its end', async () => {
    const envelope = sealEnvelope(await generateKeyPair('Ed25519'), 'certificate', payload);
    for (let length = 0; length < envelope.length; length++) {
      expect(() => openEnvelope('certificate', envelope.subarray(0, length))).toThrow(BadMessageError);
    }
    const longer = concatBytes([envelope, Uint8Array.of(0x28, 1)]);
    expect(() => openEnvelope('certificate', longer)).toThrow(/canonical/);
  });

  it('of one domain does not serve in another, even with its label changed', async () => {
    const key = await generateKeyPair('Ed25519');
    const envelope = sealEnvelope(key, 'record', payload);
    expect(() => openEnvelope('certificate', envelope)).toThrow(/domain "record" where one of "certificate"/);
    const relabelled = Envelope.encode({ ...Envelope.decode(envelope), domain: 'certificate' });
    expect(() => openEnvelope('certificate', relabelled)).toThrow(/signature of a certificate does not hold/);
  });

  it('cannot move the border between domain and payload', async () => {
    const key = await generateKeyPair('Ed25519');
    const inner = concatBytes([utf8('-list\0'), payload]);
    const { signature, publicKey } = Envelope.decode(sealEnvelope(key, 'record', inner));
    const forged = Envelope.encode({ domain: 'record-list', payload, publicKey, signature });
    expect(() => openEnvelope('record', forged)).toThrow(BadMessageError);
  });

  it('needs a key that it was signed with, of the one kind that is used', async () => {
    const fields = Envelope.decode(sealEnvelope(await generateKeyPair('Ed25519'), 'record', payload));
    const other = await generateKeyPair('Ed25519');
    const foreign = Envelope.encode({ ...fields, publicKey: publicKeyToProtobuf(other.publicKey) });
    expect(() => openEnvelope('record', foreign)).toThrow(/does not hold/);
    const secp = await generateKeyPair('secp256k1');
    expect(() => openEnvelope('record', sealEnvelope(secp, 'record', payload))).toThrow(/Ed25519/);
    const none = Envelope.encode({ ...fields, publicKey: new Uint8Array(0) });
    expect(() => openEnvelope('record', none)).toThrow(BadMessageError);
  });

  it('of arbitrary bytes, or too many, is refused by name', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => openEnvelope('record', bytes)).toThrow(StoreError);
      }),
    );
    expect(() => openEnvelope('record', new Uint8Array(ENVELOPE_BYTES_MAX + 1))).toThrow(FrameTooLargeError);
  });
});
