/** What the operations on a storage directory share. */

import type { Log } from '../base/log.ts';
import type { Catalog } from './catalog.ts';
import type { FileSystem } from './file-system.ts';
import type { FreeSpace } from './free-space.ts';
import type { KeyedLock } from './keyed-lock.ts';
import type { Layout } from './layout.ts';
import type { Placement } from './placement.ts';
import type { Staging } from './staging.ts';
import type { SuspendedFiles } from './suspended-files.ts';

export type StorageParts = {
  readonly files: FileSystem;
  readonly layout: Layout;
  readonly catalog: Catalog;
  readonly placement: Placement;
  /** By name: what reads or changes a name's record and file together holds it. */
  readonly lock: KeyedLock;
  readonly space: FreeSpace;
  readonly staging: Staging;
  readonly suspended: SuspendedFiles;
  /** Ms since 1970. */
  readonly now: () => number;
  readonly log: Log;
};
