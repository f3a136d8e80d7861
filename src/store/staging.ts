/** The copies on their way into a storage directory. */

import type { FileSystem } from './file-system.ts';
import type { FreeSpace } from './free-space.ts';
import { type Layout, newId } from './layout.ts';
import { SharedSync } from './shared-sync.ts';
import { IncomingFile } from './staged-file.ts';

export type StageOptions = {
  readonly chunkBytes: number;
  /** Bytes to come, where known: refused at once when they do not fit. */
  readonly sizeHint?: number;
};

export class Staging {
  readonly #files: FileSystem;
  readonly #layout: Layout;
  readonly #space: FreeSpace;
  readonly #incomingSync: SharedSync;
  readonly #staged = new Set<IncomingFile>();

  constructor(files: FileSystem, layout: Layout, space: FreeSpace) {
    this.#files = files;
    this.#layout = layout;
    this.#space = space;
    this.#incomingSync = new SharedSync(() => files.syncDirectory(layout.incoming));
  }

  /** @throws NoSpaceError */
  async begin({ chunkBytes, sizeHint = 0 }: StageOptions): Promise<IncomingFile> {
    const space = await this.#space.begin(sizeHint);
    const id = newId();
    const staged = new IncomingFile({
      files: this.#files,
      path: this.#layout.incomingFile(id),
      id,
      chunkBytes,
      space,
      syncIncoming: () => this.#incomingSync.request(),
      onEnd: () => {
        this.#staged.delete(staged);
      },
    });
    this.#staged.add(staged);
    return staged;
  }

  /** Gives up all that is not committed. */
  async end(): Promise<void> {
    await Promise.allSettled([...this.#staged].map((staged) => staged.discard()));
  }
}
