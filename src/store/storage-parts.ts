/** What the operations on a storage directory share. */

import type { Log } from '../base/log.ts';
import type { Catalog } from './catalog.ts';
import type { FileSystem } from './file-system.ts';
import type { KeyedLock } from './keyed-lock.ts';
import type { Layout } from './layout.ts';
import type { Placement } from './placement.ts';

export type StorageParts = {
  readonly files: FileSystem;
  readonly layout: Layout;
  readonly catalog: Catalog;
  readonly placement: Placement;
  /** By name: what reads or changes a name's record and file together holds it. */
  readonly lock: KeyedLock;
  readonly log: Log;
};
