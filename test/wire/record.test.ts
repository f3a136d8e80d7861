import { generateKeyPair } from '@libp2p/crypto/keys';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, type Version } from '../../src/id/version.ts';
import { encodeVersion, decodeVersion } from '../../src/wire/version-bytes.ts';
import { chunkCount, openRecord, signRecord, type FileRecord } from '../../src/wire/record.ts';

const networkId = new Uint8Array(32).fill(9);
const record: FileRecord = {
  networkId,
  name: 'a name/with ünicode',
  version: { counter: 3, tag: new Uint8Array(16).fill(4) },
  tombstone: false,
  size: 5 * 1024 * 1024,
  sha256: new Uint8Array(32).fill(1),
  chunkBytes: 1024 * 1024,
  merkleRoot: new Uint8Array(32).fill(2),
  replicas: 3,
  modifiedMs: 1_700_000_000_000,
  mode: 0o644,
  shared: true,
  formerOwnerConsent: Uint8Array.of(1, 2),
};

describe('a signed record', () => {
  it('comes back as it was signed, with its owner', async () => {
    const key = await generateKeyPair('Ed25519');
    const signed = signRecord(key, record);
    const opened = openRecord(signed.envelope, networkId);
    expect(opened).toEqual(signed);
    expect(opened).toMatchObject(record);
  });

  it('is refused when any byte of it is changed', async () => {
    const { envelope } = signRecord(await generateKeyPair('Ed25519'), record);
    for (let at = 0; at < envelope.length; at += 3) {
      const damaged = envelope.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      expect(() => openRecord(damaged, networkId), `byte ${String(at)}`).toThrow();
    }
  });

  it('is refused in another network', async () => {
    const { envelope } = signRecord(await generateKeyPair('Ed25519'), record);
    expect(() => openRecord(envelope, new Uint8Array(32))).toThrow(
      expect.objectContaining({ code: 'BAD_MESSAGE' }) as Error,
    );
  });

  it.each<[string, Partial<FileRecord>]>([
    ['a name with a control character', { name: 'a\nb' }],
    ['a name that is too long', { name: 'x'.repeat(1025) }],
    ['a short hash', { sha256: new Uint8Array(31) }],
    ['a chunk size of nothing', { chunkBytes: 0 }],
    ['no replicas', { replicas: 0 }],
    ['a tombstone with a size', { tombstone: true }],
    ['a version of counter 0', { version: { counter: 0, tag: new Uint8Array(16) } }],
    ['more chunks than a file may have', { size: Number.MAX_SAFE_INTEGER }],
  ])('is refused with %s, whoever signed it', async (_what, change) => {
    const key = await generateKeyPair('Ed25519');
    expect(() => signRecord(key, { ...record, ...change })).toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/BAD_MESSAGE|INVALID_NAME/) as string,
      }) as Error,
    );
  });
});

describe('a version as bytes', () => {
  const version = fc.record({
    counter: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    tag: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  });

  it('comes back, and its bytes sort as versions do', () => {
    fc.assert(
      fc.property(version, version, (a: Version, b: Version) => {
        expect(decodeVersion(encodeVersion(a))).toEqual(a);
        const byBytes = Buffer.compare(encodeVersion(a), encodeVersion(b));
        expect(Math.sign(compareVersions(a, b))).toBe(byBytes);
      }),
    );
  });
});

describe('chunkCount', () => {
  it('counts one chunk for an empty file, and a short last chunk', () => {
    expect([0, 1, 4096, 4097, 8192].map((size) => chunkCount(size, 4096))).toEqual([1, 1, 1, 2, 2]);
  });
});
