/** Opens a storage directory and puts its parts together. */

import { resolve } from 'node:path';
import type { Log } from '../base/log.ts';
import type { Catalog } from './catalog.ts';
import { openCatalog } from './catalog-opening.ts';
import { named } from './file-errors.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';
import { FREE_SPACE_FLOOR_BYTES_DEFAULT, FreeSpace } from './free-space.ts';
import { KeyedLock } from './keyed-lock.ts';
import { Layout } from './layout.ts';
import { Placement } from './placement.ts';
import { recover } from './recovery.ts';
import { SharedSync } from './shared-sync.ts';
import { Staging } from './staging.ts';
import type { StorageParts } from './storage-parts.ts';
import { SuspendedFiles } from './suspended-files.ts';

export type StorageOptions = {
  readonly log: Log;
  /** How much content it may hold, what is on its way in included; without it, as much as the disk takes. */
  readonly capacityBytes?: number;
  /** Below so many free bytes nothing is taken any more. */
  readonly freeSpaceFloorBytes?: number;
  /** For tests: calls to the file system can be made to stop or fail. */
  readonly files?: FileSystem;
  /** For tests: ms since 1970. */
  readonly now?: () => number;
};

/** @throws as StorageDirectory.open */
export async function openStorage(path: string, options: StorageOptions): Promise<StorageParts> {
  const { files = nodeFileSystem, log } = options;
  const layout = new Layout(resolve(path));
  await layout.make(files);
  const catalog = await openCatalog({ files, layout, log });
  try {
    await named(`opening ${layout.root}`, () => files.syncDirectory(layout.root));
    const parts = putTogether(layout, catalog, options);
    await recover(parts);
    return parts;
  } catch (error) {
    await catalog.close();
    throw error;
  }
}

function putTogether(layout: Layout, catalog: Catalog, options: StorageOptions): StorageParts {
  const { log, files = nodeFileSystem, capacityBytes, now = Date.now } = options;
  const { freeSpaceFloorBytes: floorBytes = FREE_SPACE_FLOOR_BYTES_DEFAULT } = options;
  const lock = new KeyedLock();
  const dropRedo = (ids: readonly string[]) => {
    catalog.dropRedo(ids);
  };
  const placement = new Placement({ files, layout, lock, log, dropRedo });
  const incomingSync = new SharedSync(() => files.syncDirectory(layout.incoming));
  const syncIncoming = () => incomingSync.request();
  const suspended = new SuspendedFiles({ files, layout, now, syncIncoming });
  const heldBytes = () => catalog.index.totals.bytes + suspended.bytes;
  const space = new FreeSpace(files, layout.root, { floorBytes, capacityBytes, heldBytes });
  const staging = new Staging({ files, layout, space, suspended, syncIncoming });
  return { files, layout, catalog, placement, lock, space, staging, suspended, now, log };
}
