/**
 * What a start does before anything else: it finishes what was committed but not carried out, and clears what was
 * staged but never committed. Doing it twice, or being killed in the middle of it, does no harm.
 */

import { dirname } from 'node:path';
import { type Version, compareVersions } from '../id/version.ts';
import type { CatalogEntry, RedoEntry } from './catalog-entry.ts';
import { causeCode, named } from './file-errors.ts';
import { newId } from './layout.ts';
import type { Move } from './placement.ts';
import type { StorageParts } from './storage-parts.ts';

/** @throws StorageUnusableError, NoSpaceError */
export async function recover(parts: StorageParts): Promise<void> {
  const { catalog, placement, log } = parts;
  const redoEntries = await catalog.redoEntries();
  for (const redo of redoEntries) await named(`finishing the commit of "${redo.name}"`, () => finish(parts, redo));
  await placement.settle();
  await catalog.flush();
  const cleared = await clearIncoming(parts);
  if (redoEntries.length > 0 || cleared > 0) log.info('store.recovered', { finished: redoEntries.length, cleared });
}

async function finish(parts: StorageParts, { id, name, change }: RedoEntry): Promise<void> {
  const move =
    change.kind === 'commit'
      ? await moveOfCommit(parts, id, name, change.version)
      : await moveOfDrop(parts, { id, name, path: change.path, action: change.file });
  if (move === undefined) parts.catalog.dropRedo([id]);
  else await parts.placement.carryOut(move);
}

async function moveOfCommit(
  parts: StorageParts,
  id: string,
  name: string,
  version: Version,
): Promise<Move | undefined> {
  const entry = await parts.catalog.entry(name);
  // A newer commit of the name has a redo entry of its own, or is in its place already; and one may have been dropped.
  if (entry === undefined || compareVersions(entry.record.version, version) !== 0) {
    await removeFile(parts, parts.layout.incomingFile(id));
    return undefined;
  }
  const { record, path } = entry;
  if (record.tombstone) return { id, name, path, action: 'remove' };
  const size = await incomingSize(parts, id);
  if (size === record.size) return { id, name, path, action: 'place' };
  if (size !== undefined) await setAside(parts, id, entry, size);
  return undefined; // Without a file: it was moved before.
}

async function moveOfDrop(parts: StorageParts, move: Move): Promise<Move | undefined> {
  const entry = await parts.catalog.entry(move.name);
  // What was stored under the name since then lies in the same place, or will; so it may if its entry is unreadable.
  if (parts.catalog.isUnreadable(move.name)) return undefined;
  const takenAgain = entry !== undefined && !entry.record.tombstone && entry.path === move.path;
  return takenAgain ? undefined : move;
}

async function incomingSize({ files, layout }: StorageParts, id: string): Promise<number | undefined> {
  let fd: number;
  try {
    fd = await files.open(layout.incomingFile(id), 'read');
  } catch (error) {
    if (causeCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return await files.size(fd);
  } finally {
    await files.close(fd);
  }
}

/** A copy that is not what its record says is kept for people to look at; the record goes, and what it replaced. */
async function setAside(parts: StorageParts, id: string, entry: CatalogEntry, size: number): Promise<void> {
  const { files, layout, catalog, placement, log } = parts;
  const { record, path } = entry;
  const removal: Move = { id: newId(), name: record.name, path, action: 'remove' };
  await catalog.drop(entry, { id: removal.id, name: record.name, change: { kind: 'drop', path, file: 'remove' } });
  const aside = layout.quarantined(id, path);
  await files.makeDirectory(dirname(aside));
  await files.rename(layout.incomingFile(id), aside);
  await placement.carryOut(removal);
  log.error('store.quarantined', { name: record.name, size, expected: record.size, file: aside });
}

/** Copies that were suspended stay; all others in `incoming/` belong to nobody. */
async function clearIncoming(parts: StorageParts): Promise<number> {
  const { files, layout, suspended } = parts;
  return named('clearing incoming/', async () => {
    const kept = await suspended.load();
    let cleared = 0;
    for (const fileName of await files.names(layout.incoming)) {
      const id = layout.incomingId(fileName);
      if (id === undefined || (kept.has(id) && !layout.isFreshSidecar(fileName))) continue;
      await removeFile(parts, `${layout.incoming}/${fileName}`);
      cleared++;
    }
    return cleared;
  });
}

async function removeFile({ files }: StorageParts, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    if (causeCode(error) !== 'ENOENT') throw error;
  }
}
