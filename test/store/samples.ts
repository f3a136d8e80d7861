/** What the tests of the storage directory share: temporary directories, signed records, content, and checks on it. */

import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { silentLog } from '../../src/base/log.ts';
import type { FileSystem } from '../../src/store/file-system.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import type { StagedFile } from '../../src/store/staged-file.ts';
import { type FileRecord, type SignedRecord, signRecord } from '../../src/wire/record.ts';
import { merkleRoot } from '../../src/wire/merkle.ts';

export const CHUNK_BYTES = 4096;
export const NETWORK_ID = new Uint8Array(32).fill(7);
/** The same in every process, for a file that was stored by one is changed by the next. */
const key = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(7));

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

export function content(length: number): Uint8Array {
  return randomBytes(length);
}

export async function temporaryDirectory(use: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'store-test-'));
  try {
    await use(path);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

/** Opens, uses and closes a storage directory. */
export async function withStorage<T>(
  path: string,
  use: (storage: StorageDirectory) => Promise<T>,
  files?: FileSystem,
): Promise<T> {
  const storage = await StorageDirectory.open(path, { log: silentLog, ...(files && { files }) });
  try {
    return await use(storage);
  } finally {
    await storage.close();
  }
}

export function chunkHashesOf(bytes: Uint8Array, chunkBytes = CHUNK_BYTES): Uint8Array[] {
  const hashes: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length || hashes.length === 0; offset += chunkBytes) {
    hashes.push(sha256(bytes.subarray(offset, offset + chunkBytes)));
  }
  return hashes;
}

export function recordOf(
  name: string,
  counter: number,
  bytes: Uint8Array,
  more: Partial<FileRecord> = {},
): SignedRecord {
  const chunkBytes = more.chunkBytes ?? CHUNK_BYTES;
  return signRecord(key, {
    networkId: NETWORK_ID,
    name,
    version: { counter, tag: new Uint8Array(randomBytes(16)) },
    tombstone: false,
    size: bytes.length,
    sha256: sha256(bytes),
    chunkBytes,
    merkleRoot: merkleRoot(chunkHashesOf(bytes, chunkBytes)),
    replicas: 1,
    formerOwnerConsent: new Uint8Array(0),
    modifiedMs: 0,
    mode: 0,
    shared: false,
    ...more,
  });
}

export function tombstoneOf(name: string, counter: number): SignedRecord {
  return recordOf(name, counter, new Uint8Array(0), { tombstone: true });
}

export async function stage(storage: StorageDirectory, bytes: Uint8Array, pieceBytes = 1500): Promise<StagedFile> {
  const staged = await storage.stage({ chunkBytes: CHUNK_BYTES, sizeHint: bytes.length });
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
    await staged.write([bytes.subarray(offset, offset + pieceBytes)]);
  }
  await staged.finish();
  return staged;
}

/** Stores content under a name; the record that was committed. */
export async function store(
  storage: StorageDirectory,
  name: string,
  counter: number,
  bytes: Uint8Array,
): Promise<SignedRecord> {
  const staged = await stage(storage, bytes);
  const record = recordOf(name, counter, bytes);
  await storage.commit(staged, record);
  return record;
}

/** The content of a record, each chunk checked against its hash as a reader of the network would. */
export async function load(storage: StorageDirectory, record: SignedRecord): Promise<Buffer> {
  const opened = await storage.openContent(record);
  try {
    const pieces: Buffer[] = [];
    for await (const piece of opened.read(0, record.size)) pieces.push(Buffer.from(piece));
    const bytes = Buffer.concat(pieces);
    const hashes = chunkHashesOf(bytes, record.chunkBytes);
    const wrong = hashes.findIndex((hash, index) => Buffer.compare(hash, opened.chunkHashes[index] ?? hash) !== 0);
    if (wrong !== -1 || hashes.length !== opened.chunkHashes.length) throw new Error(`chunk ${String(wrong)} is wrong`);
    if (Buffer.compare(merkleRoot(hashes), record.merkleRoot) !== 0) throw new Error('content is not its record');
    return bytes;
  } finally {
    await opened.close();
  }
}

/** The content of the newest version of a name; undefined when there is none or it is removed. */
export async function loadNewest(storage: StorageDirectory, name: string): Promise<Buffer | undefined> {
  const record = await storage.record(name);
  return record === undefined || record.tombstone ? undefined : load(storage, record);
}

/** A test on an open storage directory of its own. */
export function inStorage(use: (storage: StorageDirectory, path: string) => Promise<void>): () => Promise<void> {
  return () => temporaryDirectory((path) => withStorage(path, (storage) => use(storage, path)));
}

/** Turns one bit of a file. */
export async function flip(path: string, position: number): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  await file.write(Uint8Array.of((byte[0] ?? 0) ^ 1), 0, 1, position);
  await file.close();
}
