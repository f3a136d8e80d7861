/**
 * Of two people who claimed one name on both sides of a parted ring, one keeps it. What the other stored is not thrown
 * away: where the winner's copy arrives, the other's goes into quarantine/, under its name, for its owner to store anew.
 */

import type { Log } from '../base/log.ts';
import { formatVersion } from '../id/version.ts';
import type { StorageDirectory } from '../store/storage-directory.ts';
import type { SignedRecord } from '../wire/record.ts';
import { relationOf } from '../wire/succession.ts';

/** To be called before another replica's copy is committed. */
export async function setAsideDisplaced(storage: StorageDirectory, log: Log, record: SignedRecord): Promise<void> {
  const { name } = record;
  const present = await storage.record(name);
  if (present === undefined || present.tombstone || relationOf(present, record) !== 'displaces') return;
  log.warn('name-claimed-twice', {
    name,
    setAside: formatVersion(present.version),
    kept: formatVersion(record.version),
  });
  await storage.quarantine(name, present.version);
}
