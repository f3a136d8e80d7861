/**
 * The commit points of a store and of a removal: under the name's lock, one synced write of the catalog after which the
 * new version is what the directory holds. What follows in `files/` is the placement's business.
 */

import { equalBytes } from '../base/bytes.ts';
import { ContentCorruptError } from '../base/errors.ts';
import type { SignedRecord } from '../wire/record.ts';
import { isSame } from './catalog-entry.ts';
import { newId } from './layout.ts';
import { safePath } from './safe-path.ts';
import type { IncomingFile } from './incoming-file.ts';
import type { StorageParts } from './storage-parts.ts';

/** Whether a record may take the place of what is here; throws when it may not. */
export type Admission = (present: SignedRecord | undefined, record: SignedRecord) => void;

/** Uses the staged file up, whatever the outcome. @throws as StorageDirectory.commit */
export async function commitStaged(
  parts: StorageParts,
  staged: IncomingFile,
  record: SignedRecord,
  admit: Admission,
): Promise<void> {
  try {
    checkContent(staged, record);
    await parts.placement.room();
    const hashes = staged.chunkHashes.length > 1 ? Buffer.concat(staged.chunkHashes) : undefined;
    await replace(parts, record, admit, staged.id, hashes, () => {
      staged.handOver();
    });
  } finally {
    await staged.discard();
  }
}

/** @throws as StorageDirectory.commitTombstone */
export async function commitTombstone(parts: StorageParts, record: SignedRecord, admit: Admission): Promise<void> {
  await parts.placement.room();
  await replace(parts, record, admit, newId(), undefined);
}

async function replace(
  { catalog, placement, lock, now }: StorageParts,
  record: SignedRecord,
  admit: Admission,
  id: string,
  hashes: Buffer | undefined,
  onTaken?: () => void,
): Promise<void> {
  const { name, version } = record;
  await lock.run(name, async () => {
    const present = await catalog.entry(name);
    if (present !== undefined && isSame(present.record, record)) return;
    admit(present?.record, record);
    const path = present?.path ?? safePath(name);
    // From here on the copy may be what the catalog names, even if the write fails: it must not be deleted.
    onTaken?.();
    const entry = { record, path, committedMs: now() };
    await catalog.commit({ entry, present, hashes, redo: { id, name, change: { kind: 'commit', version } } });
    placement.place({ id, name, path, action: record.tombstone ? 'remove' : 'place' });
  });
}

function checkContent(staged: IncomingFile, record: SignedRecord): void {
  if (staged.chunkBytes !== record.chunkBytes) {
    throw new ContentCorruptError(`"${record.name}" was received in chunks of another size than its record says`);
  }
  if (staged.size !== record.size || !equalBytes(staged.merkleRoot, record.merkleRoot)) {
    throw new ContentCorruptError(`what was received of "${record.name}" is not what its record says`);
  }
}
