/** The copies on their way into a storage directory: begun, gone on with where an earlier attempt was suspended, ended. */

import { BadMessageError, NoSpaceError } from '../base/errors.ts';
import { causeCode } from './file-errors.ts';
import type { FileSystem } from './file-system.ts';
import type { FreeSpace, Reservation } from './free-space.ts';
import { type Layout, newId } from './layout.ts';
import { IncomingFile } from './incoming-file.ts';
import type { Resumption } from './staging-place.ts';
import type { Sidecar, SuspendedFiles } from './suspended-files.ts';

export type StageOptions = {
  readonly chunkBytes: number;
  /** Size of the content, where known: refused at once when it does not fit. */
  readonly sizeHint?: number;
  /** 32 hex digits, chosen by the writer: what was suspended under it is gone on with. */
  readonly uploadId?: string;
};

const UPLOAD_ID = /^[0-9a-f]{32}$/;

type StagingParts = {
  readonly files: FileSystem;
  readonly layout: Layout;
  readonly space: FreeSpace;
  readonly suspended: SuspendedFiles;
  /** Makes the entries of incoming/ durable. */
  readonly syncIncoming: () => Promise<void>;
};

export class Staging {
  readonly #parts: StagingParts;
  readonly #staged = new Map<IncomingFile, string | undefined>();

  constructor(parts: StagingParts) {
    this.#parts = parts;
  }

  /** @throws NoSpaceError, BadMessageError */
  async begin(options: StageOptions): Promise<IncomingFile> {
    const { chunkBytes, uploadId } = options;
    if (uploadId === undefined) return this.#begin(options, await this.#space(options, 0), undefined);
    if (!UPLOAD_ID.test(uploadId)) throw new BadMessageError('an upload id is 32 hex digits');
    // A writer that comes back may be here before it was noticed that it had gone.
    for (const [staged, id] of this.#staged) if (id === uploadId) await staged.suspend();
    const earlier = await this.#parts.suspended.take(uploadId, chunkBytes);
    try {
      return this.#begin(options, await this.#space(options, earlier?.suspended.bytes ?? 0), earlier);
    } catch (error) {
      if (earlier !== undefined) this.#parts.suspended.putBack(earlier.suspended);
      throw error;
    }
  }

  /** What is suspended gives way to what is new, where that helps. */
  async #space({ sizeHint = 0 }: StageOptions, presentBytes: number): Promise<Reservation> {
    const { space, suspended } = this.#parts;
    for (;;) {
      try {
        return await space.begin(sizeHint, presentBytes);
      } catch (error) {
        const helps = space.shortBy(sizeHint, presentBytes) <= suspended.bytes;
        if (!(error instanceof NoSpaceError) || !helps || !(await suspended.dropOldest())) throw error;
      }
    }
  }

  #begin({ chunkBytes, uploadId }: StageOptions, space: Reservation, earlier: Sidecar | undefined): IncomingFile {
    const { files, layout, syncIncoming } = this.#parts;
    const id = earlier?.suspended.id ?? newId();
    const resumption = uploadId === undefined ? undefined : this.#resumption(uploadId, id, chunkBytes, earlier);
    const staged = new IncomingFile({
      files,
      path: layout.incomingFile(id),
      id,
      chunkBytes,
      space,
      resumption,
      syncIncoming,
      forgetEarlier: () => (resumption?.noted === true ? this.#unlinkQuietly(layout.sidecar(id)) : Promise.resolve()),
      onEnd: () => {
        this.#staged.delete(staged);
      },
    });
    this.#staged.set(staged, uploadId);
    return staged;
  }

  #resumption(
    uploadId: string,
    id: string,
    chunkBytes: number,
    earlier: Sidecar | undefined,
  ): Resumption & { noted: boolean } {
    const { suspended } = this.#parts;
    const resumption = {
      /** There is a sidecar. */
      noted: earlier !== undefined,
      hashes: earlier?.hashes ?? [],
      note: (hashes: readonly Uint8Array[]) => {
        resumption.noted = true;
        return suspended.note(uploadId, id, chunkBytes, hashes);
      },
      keep: (hashes: readonly Uint8Array[]) => {
        resumption.noted = true;
        return suspended.keep(uploadId, id, chunkBytes, hashes);
      },
    };
    return resumption;
  }

  /** Gives up all that is not committed, for good or for now. */
  async end(): Promise<void> {
    await Promise.allSettled(Array.from(this.#staged.keys(), (staged) => staged.suspend()));
  }

  /** The next start clears what could not be deleted now. */
  async #unlinkQuietly(path: string): Promise<void> {
    await this.#parts.files.unlink(path).catch((error: unknown) => {
      if (causeCode(error) === undefined) throw error;
    });
  }
}
