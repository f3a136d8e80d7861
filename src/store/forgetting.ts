/**
 * Forgetting a record: after a hand-over to the peers that are responsible now, and tombstones that have served their
 * time. One synced write of the catalog forgets it; from then on the name is as if it had never been here. The file
 * follows, and the redo entry has the next start see to it where this process does not come to it.
 */

import { type Version, compareVersions } from '../id/version.ts';
import { newId } from './layout.ts';
import type { StorageParts } from './storage-parts.ts';

/** Drops side by side, which share the catalog's syncs. */
const DROPS_AT_ONCE = 256;

/** @returns false when that very version is not here (any more) */
export async function drop(
  parts: StorageParts,
  name: string,
  version: Version,
  file: 'remove' | 'set aside' = 'remove',
): Promise<boolean> {
  const { catalog, placement, lock } = parts;
  await placement.room();
  return lock.run(name, async () => {
    const entry = await catalog.entry(name);
    if (entry === undefined || compareVersions(entry.record.version, version) !== 0) return false;
    const { path } = entry;
    const id = newId();
    await catalog.drop(entry, { id, name, change: { kind: 'drop', path, file } });
    placement.place({ id, name, path, action: file });
    return true;
  });
}

/** @returns how many */
export async function purgeTombstones(parts: StorageParts, committedBeforeMs: number): Promise<number> {
  if (parts.catalog.index.totals.tombstones === 0) return 0;
  let purged = 0;
  for await (const entries of parts.catalog.tombstonesBefore(committedBeforeMs)) {
    for (let first = 0; first < entries.length; first += DROPS_AT_ONCE) {
      const some = entries.slice(first, first + DROPS_AT_ONCE);
      const dropped = await Promise.all(some.map(({ record }) => drop(parts, record.name, record.version)));
      purged += dropped.filter(Boolean).length;
    }
  }
  return purged;
}
