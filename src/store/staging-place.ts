/** Where one copy on its way in is written, and what it needs of those who keep order among all of them. */

import type { FileSystem } from './file-system.ts';
import type { Reservation } from './free-space.ts';

/** What makes it possible to go on with a copy later. */
export type Resumption = {
  /** The chunks that lie in the file already. */
  readonly hashes: readonly Uint8Array[];
  /** Writes down which chunks are durable, in case that this process is killed. */
  readonly note: (hashes: readonly Uint8Array[]) => Promise<void>;
  /** Keeps the file, which is synced, with the hashes of its whole chunks. @returns false when it had to give way */
  readonly keep: (hashes: readonly Uint8Array[]) => Promise<boolean>;
};

export type StagingPlace = {
  readonly files: FileSystem;
  readonly path: string;
  readonly id: string;
  readonly chunkBytes: number;
  readonly space: Reservation;
  /** Of an upload with an id. */
  readonly resumption: Resumption | undefined;
  /** Makes the entries of incoming/ durable. */
  readonly syncIncoming: () => Promise<void>;
  /** Deletes what was kept beside the file of an earlier attempt. Called when the copy is discarded or committed. */
  readonly forgetEarlier: () => Promise<void>;
  /** Called once, when the file is no longer ours: discarded, suspended or committed. */
  readonly onEnd: () => void;
};
