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
  const hasher = await hashContent(content, content.chunkHashes, pacing);
  return hasher !== undefined && equalBytes(hasher.merkleRoot, content.record.merkleRoot);
}

/**
 * The hashes of what lies on the disk; undefined as soon as a chunk's is not the one listed, or the file cannot be read.
 *
 * @param listed undefined where no list is known
 */
export async function hashContent(
  content: StoredContent,
  listed: readonly Uint8Array[] | undefined,
  pacing?: Pacing,
): Promise<ChunkHasher | undefined> {
  const { record } = content;
  const hasher = new ChunkHasher(record.chunkBytes);
  let checked = 0;
  const fits = () => {
    if (listed === undefined) return true;
    for (; checked < hasher.hashes.length; checked++) {
      const [found, expected] = [hasher.hashes[checked], listed[checked]];
      if (found === undefined || expected === undefined || !equalBytes(found, expected)) return false;
    }
    return true;
  };
  try {
    for await (const piece of content.read(0, record.size)) {
      hasher.update(piece);
      if (!fits()) return undefined;
      await pacing?.(piece.length);
    }
  } catch (error) {
    if (error instanceof ContentCorruptError) return undefined;
    throw error;
  }
  hasher.finish();
  return fits() ? hasher : undefined;
}
