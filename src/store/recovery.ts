/**
 * What a start does before anything else: it finishes what was committed but not carried out, and clears what was
 * staged but never committed. Doing it twice, or being killed in the middle of it, does no harm.
 */

import type { Log } from '../base/log.ts';
import { compareVersions } from '../id/version.ts';
import type { Catalog } from './catalog.ts';
import type { CatalogEntry, RedoEntry } from './catalog-entry.ts';
import { causeCode, named } from './file-errors.ts';
import type { FileSystem } from './file-system.ts';
import type { Layout } from './layout.ts';
import type { Placement } from './placement.ts';

type RecoveryParts = {
  readonly files: FileSystem;
  readonly layout: Layout;
  readonly catalog: Catalog;
  readonly placement: Placement;
  readonly log: Log;
};

/** @throws StorageUnusableError, NoSpaceError */
export async function recover(parts: RecoveryParts): Promise<void> {
  const { catalog, placement, log } = parts;
  const redoEntries = await catalog.redoEntries();
  for (const redo of redoEntries) await named(`finishing the commit of "${redo.name}"`, () => finish(parts, redo));
  await placement.settle();
  await catalog.flush();
  const cleared = await clearIncoming(parts);
  if (redoEntries.length > 0 || cleared > 0) log.info('store.recovered', { finished: redoEntries.length, cleared });
}

async function finish(parts: RecoveryParts, redo: RedoEntry): Promise<void> {
  const { catalog, layout, placement } = parts;
  const entry = await catalog.entry(redo.name);
  const newest = entry !== undefined && compareVersions(entry.record.version, redo.version) === 0;
  // A newer commit of the name has a redo entry of its own, or is in its place already.
  if (!newest) {
    await removeFile(parts, layout.incomingFile(redo.id));
    catalog.dropRedo([redo.id]);
    return;
  }
  const { record, path } = entry;
  if (!record.tombstone && !(await isWhole(parts, redo.id, entry))) {
    catalog.dropRedo([redo.id]);
    return;
  }
  await placement.carryOut({ id: redo.id, name: record.name, path, removal: record.tombstone });
}

/** Whether the file to be moved is there. It is not when it was moved before; one of a wrong size is put aside. */
async function isWhole({ files, layout, log }: RecoveryParts, id: string, entry: CatalogEntry): Promise<boolean> {
  const path = layout.incomingFile(id);
  let size: number;
  try {
    const fd = await files.open(path, 'read');
    try {
      size = await files.size(fd);
    } finally {
      await files.close(fd);
    }
  } catch (error) {
    if (causeCode(error) === 'ENOENT') return false;
    throw error;
  }
  if (size === entry.record.size) return true;
  await files.rename(path, `${layout.quarantine}/${id}`);
  log.error('store.quarantined', { name: entry.record.name, size, expected: entry.record.size });
  return false;
}

async function clearIncoming(parts: RecoveryParts): Promise<number> {
  const { files, layout } = parts;
  return named('clearing incoming/', async () => {
    let cleared = 0;
    for (const fileName of await files.names(layout.incoming)) {
      const id = layout.incomingId(fileName);
      if (id === undefined) continue;
      await removeFile(parts, layout.incomingFile(id));
      cleared++;
    }
    return cleared;
  });
}

async function removeFile({ files }: RecoveryParts, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    if (causeCode(error) !== 'ENOENT') throw error;
  }
}
