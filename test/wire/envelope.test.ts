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
    const opened = await openEnvelope('record', await sealEnvelope(key, 'record', payload));
    expect(opened.payload).toEqual(payload);
    expect(opened.publicKey).toEqual(publicKeyToProtobuf(key.publicKey));
  });

  it('is refused with any bit of any byte changed', async () => {
    const envelope = await sealEnvelope(await generateKeyPair('Ed25519'), 'certificate', payload);
    for (let index = 0; index < envelope.length; index++) {
      for (let bit = 0; bit < 8; bit++) {
        const opening = openEnvelope('certificate', flipped(envelope, index, bit));
        await expect(opening, `byte ${index}, bit ${bit}`).rejects.toThrow(BadMessageError);
      }
    }
  });

  it('is refused with bytes missing, or more after its end', async () => {
    const envelope = await sealEnvelope(await generateKeyPair('Ed25519'), 'certificate', payload);
    for (let length = 0; length < envelope.length; length++) {
      await expect(openEnvelope('certificate', envelope.subarray(0, length))).rejects.toThrow(BadMessageError);
    }
    const longer = concatBytes([envelope, Uint8Array.of(0x28, 1)]);
    await expect(openEnvelope('certificate', longer)).rejects.toThrow(/canonical/);
  });

  it('of one domain does not serve in another, even with its label changed', async () => {
    const key = await generateKeyPair('Ed25519');
    const envelope = await sealEnvelope(key, 'record', payload);
    await expect(openEnvelope('certificate', envelope)).rejects.toThrow(/domain "record" where one of "certificate"/);
    const relabelled = Envelope.encode({ ...Envelope.decode(envelope), domain: 'certificate' });
    await expect(openEnvelope('certificate', relabelled)).rejects.toThrow(/signature of a certificate does not hold/);
  });

  it('cannot move the border between domain and payload', async () => {
    const key = await generateKeyPair('Ed25519');
    const inner = concatBytes([utf8('-list\0'), payload]);
    const { signature, publicKey } = Envelope.decode(await sealEnvelope(key, 'record', inner));
    const forged = Envelope.encode({ domain: 'record-list', payload, publicKey, signature });
    await expect(openEnvelope('record', forged)).rejects.toThrow(BadMessageError);
  });

  it('needs a key that it was signed with, of the one kind that is used', async () => {
    const fields = Envelope.decode(await sealEnvelope(await generateKeyPair('Ed25519'), 'record', payload));
    const other = await generateKeyPair('Ed25519');
    const foreign = Envelope.encode({ ...fields, publicKey: publicKeyToProtobuf(other.publicKey) });
    await expect(openEnvelope('record', foreign)).rejects.toThrow(/does not hold/);
    const secp = await generateKeyPair('secp256k1');
    await expect(openEnvelope('record', await sealEnvelope(secp, 'record', payload))).rejects.toThrow(/Ed25519/);
    const none = Envelope.encode({ ...fields, publicKey: new Uint8Array(0) });
    await expect(openEnvelope('record', none)).rejects.toThrow(BadMessageError);
  });

  it('of arbitrary bytes, or too many, is refused by name', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await expect(openEnvelope('record', bytes)).rejects.toThrow(StoreError);
      }),
    );
    await expect(openEnvelope('record', new Uint8Array(ENVELOPE_BYTES_MAX + 1))).rejects.toThrow(FrameTooLargeError);
  });
});
