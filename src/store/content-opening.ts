/**
 * Opens the file of a record for reading. Record, hashes and descriptor are taken under the name's lock, so they belong
 * to one version.
 */

import { ContentCorruptError, NotFoundError } from '../base/errors.ts';
import { formatVersion } from '../id/version.ts';
import { HASH_BYTES } from '../wire/limits.ts';
import { type SignedRecord, chunkCount } from '../wire/record.ts';
import { type CatalogEntry, isSame } from './catalog-entry.ts';
import { named, namedContent } from './file-errors.ts';
import type { StorageParts } from './storage-parts.ts';
import { OpenContent } from './stored-content.ts';

/** @throws NotFoundError, ContentCorruptError, StorageUnusableError, BusyError */
export function openStored(parts: StorageParts, record: SignedRecord): Promise<OpenContent> {
  return parts.lock.run(record.name, async () => {
    const entry = await parts.catalog.entry(record.name);
    if (entry === undefined || entry.record.tombstone || !isSame(entry.record, record)) {
      throw new NotFoundError(`"${record.name}" is not here in version ${formatVersion(record.version)}`);
    }
    const chunkHashes = await readHashes(parts, entry.record);
    const fd = await openFile(parts, entry);
    return new OpenContent(parts.files, fd, entry.record, chunkHashes);
  });
}

/** The same of a copy that is staged and not committed. @throws StorageUnusableError, BusyError */
export async function openStaged(
  { files, layout }: StorageParts,
  id: string,
  record: SignedRecord,
  chunkHashes: readonly Uint8Array[],
): Promise<OpenContent> {
  const file = layout.incomingFile(id);
  const fd = await named(`opening ${file}`, () => files.open(file, 'read'));
  return new OpenContent(files, fd, record, chunkHashes);
}

/** The hash of a single chunk is the Merkle root; of more, the catalog keeps them one after the other. */
async function readHashes({ catalog }: StorageParts, record: SignedRecord): Promise<Uint8Array[]> {
  const count = chunkCount(record.size, record.chunkBytes);
  if (count === 1) return [record.merkleRoot];
  const bytes = await catalog.hashes(record.name);
  if (bytes?.length !== count * HASH_BYTES) {
    throw new ContentCorruptError(`the chunk hashes of "${record.name}" are gone from the catalog`);
  }
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
}

async function openFile({ files, placement }: StorageParts, { record, path }: CatalogEntry): Promise<number> {
  const file = placement.locate(record.name, path);
  return namedContent(`opening ${file}`, async () => {
    const fd = await files.open(file, 'read');
    const size = await files.size(fd);
    if (size === record.size) return fd;
    await files.close(fd);
    throw new ContentCorruptError(
      `the file of "${record.name}" has ${String(size ?? 'no')} bytes where its record says ${String(record.size)}`,
    );
  });
}
