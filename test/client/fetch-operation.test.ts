import { createHash } from 'node:crypto';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { NotFoundError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { fetchFile } from '../../src/client/fetch-operation.ts';
import type { Arrival, Session } from '../../src/client/session.ts';
import type { FetchSink, LeftContent } from '../../src/client/types.ts';
import { formatVersion, type Version } from '../../src/id/version.ts';
import { merkleRoot } from '../../src/wire/merkle.ts';
import { signRecord, type SignedRecord } from '../../src/wire/record.ts';
import { makeContact, makeNetwork, type TestNetwork } from '../wire/signing.ts';

const CHUNK_BYTES = 4096;
const NAME = 'fetched';
const chunks = Array.from({ length: 5 }, (_, index) => new Uint8Array(index < 4 ? CHUNK_BYTES : 100).fill(index + 1));
const content = Buffer.concat(chunks);
const hashes = chunks.map((chunk) => new Uint8Array(createHash('sha256').update(chunk).digest()));

type Request = { readonly version: Version | undefined; readonly offset: number };

let network: TestNetwork;
let record: SignedRecord;
let arrival: Pick<Arrival, 'peer' | 'root'>;
beforeAll(async () => {
  network = await makeNetwork();
  const contact = await makeContact(network);
  arrival = { peer: contact, root: contact };
  record = signRecord(await generateKeyPair('Ed25519'), {
    networkId: network.networkId,
    name: NAME,
    version: { counter: 3, tag: new Uint8Array(16).fill(3) },
    tombstone: false,
    size: content.length,
    sha256: new Uint8Array(createHash('sha256').update(content).digest()),
    chunkBytes: CHUNK_BYTES,
    merkleRoot: merkleRoot(hashes),
    replicas: 1,
    modifiedMs: 0,
    mode: 0,
    shared: false,
    formerOwnerConsent: new Uint8Array(0),
  });
});

/** A session whose one peer holds the record, and who is asked for what. */
function playPeer(): { session: Session; requests: Request[] } {
  const requests: Request[] = [];
  const arrive = (_name: string, request: Request): Promise<unknown> => {
    requests.push(request);
    const { version, offset } = request;
    if (version !== undefined && formatVersion(version) !== formatVersion(record.version)) {
      return Promise.reject(new NotFoundError('that version is not here any more'));
    }
    const frames: Uint8Array[] = [Buffer.concat(hashes), ...chunks.slice(offset / CHUNK_BYTES), new Uint8Array(0)];
    const readFrame = () => Promise.resolve(frames.shift());
    const readFrameParts = async () => [(await readFrame()) ?? new Uint8Array(0)];
    return Promise.resolve({
      ...arrival,
      route: { key: '0000', path: [], hops: 0 },
      answer: { type: 'content', record: record.envelope, chunkCount: chunks.length },
      lease: { stream: { readFrame, readFrameParts }, release() {}, discard() {} },
    });
  };
  const nameOf = () => ({ nodeId: '0000', peerId: '' });
  const { reader } = network;
  const session = { arrive, nameOf, reader, log: silentLog, parameters: { chunkBytes: CHUNK_BYTES } };
  return { session: session as unknown as Session, requests };
}

/** Fetches to a sink that has something left. @returns what was asked of the peer, told, and written */
async function fetchWith(left: Partial<LeftContent>) {
  const { session, requests } = playPeer();
  const written: Uint8Array[] = [];
  const begun: number[] = [];
  const resumed: number[] = [];
  const whole: LeftContent = {
    version: formatVersion(record.version),
    merkleRoot: toHex(record.merkleRoot),
    chunkBytes: CHUNK_BYTES,
    chunks: chunks.length,
    chunksLeft: 3,
    ...left,
  };
  const sink: FetchSink = {
    left: () => Promise.resolve(whole),
    start: (_entry, _shape, chunksLeft) => Promise.resolve(void begun.push(chunksLeft)),
    write: (parts) => Promise.resolve(void written.push(...parts.map((part) => part.slice()))),
  };
  await fetchFile(session, NAME, sink, { onResume: (bytesLeft) => resumed.push(bytesLeft) });
  const [first] = requests;
  return {
    offsets: requests.map(({ offset }) => offset),
    pinned: first?.version,
    begun,
    resumed,
    bytes: Buffer.concat(written),
  };
}

describe('a fetch to a sink that has something left', () => {
  it('asks only for what is missing, of that version, and says where it goes on', async () => {
    const { offsets, pinned, begun, resumed, bytes } = await fetchWith({});
    expect(pinned).toEqual(record.version);
    expect([offsets, begun, resumed]).toEqual([[3 * CHUNK_BYTES], [3], [3 * CHUNK_BYTES]]);
    expect(bytes.equals(content.subarray(3 * CHUNK_BYTES))).toBe(true);
  });

  it.each<[string, Partial<LeftContent>, number]>([
    ['another version is there now', { version: `2-${'0'.repeat(32)}` }, 2],
    ['the content is not that version’s', { merkleRoot: '00'.repeat(32) }, 2],
    ['it was cut into another number of chunks', { chunks: 6 }, 2],
    ['it was cut otherwise than this network does', { chunkBytes: 8192 }, 1],
    ['its version is none', { version: 'new' }, 1],
    ['nothing is left but the note', { chunksLeft: 0 }, 1],
  ])('begins anew when %s', async (_title, left, attempts) => {
    const { offsets, begun, resumed, bytes } = await fetchWith(left);
    expect([offsets.length, offsets.at(-1), begun, resumed]).toEqual([attempts, 0, [0], []]);
    expect(bytes.equals(content)).toBe(true);
  });
});
