/** People who sign records of one made-up network, as the tests of succession need them. */

import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { consentFor, nextVersion } from '../../src/client/next-version.ts';
import { signRecord, type FileRecord, type SignedRecord } from '../../src/wire/record.ts';

export const NETWORK_ID = new Uint8Array(32).fill(9);
export const NAME = 'contested';
const TAG_BYTES = 16;
const SEED_BYTES = 32;
const CHUNK_BYTES = 4096;

export function tagOf(value: number): Uint8Array {
  return new Uint8Array(TAG_BYTES).fill(value);
}

let tagsDrawn = 1;

/** Higher than all before. */
function freshTag(): Uint8Array {
  return tagOf(++tagsDrawn);
}

export class Person {
  readonly key: PrivateKey;

  private constructor(key: PrivateKey) {
    this.key = key;
  }

  static async make(seed: number): Promise<Person> {
    return new Person(await generateKeyPairFromSeed('Ed25519', new Uint8Array(SEED_BYTES).fill(seed)));
  }

  sign(fields: Partial<FileRecord> = {}): SignedRecord {
    return signRecord(this.key, {
      networkId: NETWORK_ID,
      name: NAME,
      version: { counter: 1, tag: tagOf(1) },
      tombstone: false,
      size: 0,
      sha256: new Uint8Array(32),
      chunkBytes: CHUNK_BYTES,
      merkleRoot: new Uint8Array(32),
      replicas: 3,
      modifiedMs: 0,
      mode: 0,
      shared: false,
      formerOwnerConsent: new Uint8Array(0),
      ...fields,
    });
  }

  /** The next version, with what the client library puts into it. */
  writeAbove(present: SignedRecord | undefined, fields: Partial<FileRecord> = {}, tag = freshTag()): SignedRecord {
    return this.sign({
      version: nextVersion(present, tag, false),
      formerOwnerConsent: consentFor(this.key, present?.envelope ?? new Uint8Array(0), NETWORK_ID),
      ...fields,
    });
  }

  removeAbove(present: SignedRecord): SignedRecord {
    return this.writeAbove(present, { tombstone: true });
  }
}

export const [ANNA, BERT, CARL] = await Promise.all([Person.make(1), Person.make(2), Person.make(3)]);
