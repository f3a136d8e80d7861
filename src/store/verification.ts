/**
 * Whether what lies on the disk still is what was stored: the file is read again, in bounded memory, and hashed. Disks
 * lose bits, people edit files, and neither says so. The record itself is checked too, by its signature.
 */

import { equalBytes } from '../base/bytes.ts';
import { BadMessageError, ContentCorruptError, NotFoundError } from '../base/errors.ts';
import { type SignedRecord, openRecord } from '../wire/record.ts';
import { ChunkHasher } from './chunk-hasher.ts';
import { openStored } from './content-opening.ts';
import type { StorageParts } from './storage-parts.ts';
import type { StoredContent } from './stored-content.ts';

/** `absent`: there is no such file, or not in this version any more. */
export type Soundness = 'good' | 'damaged' | 'absent';

/** Called with the bytes of each piece before the next one is read; throws to break the reading off. */
export type Pacing = (bytes: number) => Promise<void>;

/** @throws StorageUnusableError, BusyError when reading fails for a reason that is not this file's */
export async function verify(parts: StorageParts, record: SignedRecord, pacing?: Pacing): Promise<Soundness> {
  let content: StoredContent;
  try {
    content = await openStored(parts, record);
  } catch (error) {
    if (error instanceof NotFoundError) return 'absent';
    if (error instanceof ContentCorruptError) return 'damaged';
    throw error;
  }
  try {
    return isSigned(record) && (await isWhole(content, pacing)) ? 'good' : 'damaged';
  } finally {
    await content.close();
  }
}

function isSigned(record: SignedRecord): boolean {
  try {
    openRecord(record.envelope, record.networkId);
    return true;
  } catch (error) {
    if (error instanceof BadMessageError) return false;
    throw error;
  }
}

/** Whether file, kept chunk hashes and record fit each other. */
async function isWhole(content: StoredContent, pacing?: Pacing): Promise<boolean> {
  const { record, chunkHashes } = content;
  const hasher = new ChunkHasher(record.chunkBytes);
  try {
    for await (const piece of content.read(0, record.size)) {
      hasher.update(piece);
      await pacing?.(piece.length);
    }
  } catch (error) {
    if (error instanceof ContentCorruptError) return false;
    throw error;
  }
  hasher.finish();
  const asKept = hasher.hashes.every((hash, i) => equalBytes(hash, chunkHashes[i] ?? hash.subarray(1)));
  return asKept && equalBytes(hasher.merkleRoot, record.merkleRoot);
}
