/**
 * Where things lie in a storage directory, and the making of those places. `incoming/` and `files/` must be on one
 * file system: a file gets into `files/` by a rename.
 */

import { randomBytes } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StorageUnusableError } from '../base/errors.ts';
import { causeCode, storageError } from './file-errors.ts';
import type { FileSystem } from './file-system.ts';

const ID_BYTES = 16;
const DIRECTORY_MODE = 0o700;
/** Only what looks like ours is ever deleted from `incoming/`. */
const INCOMING_NAME = /^([0-9a-f]{32})\.(part|resume|resume-new)$/;
const SIDECAR_NAME = /^([0-9a-f]{32})\.resume$/;

/** Of a file in `incoming/` and of what is to be done with it: 32 hex digits. */
export function newId(): string {
  return randomBytes(ID_BYTES).toString('hex');
}

export class Layout {
  readonly root: string;
  readonly catalog: string;
  readonly files: string;
  readonly incoming: string;
  readonly quarantine: string;
  /** A file that is there while the catalog is known to be damaged. */
  readonly catalogDamaged: string;

  constructor(root: string) {
    this.root = root;
    this.catalog = join(root, 'catalog');
    this.files = join(root, 'files');
    this.incoming = join(root, 'incoming');
    this.quarantine = join(root, 'quarantine');
    this.catalogDamaged = join(root, 'catalog-damaged');
  }

  /** @param id 32 hex digits */
  incomingFile(id: string): string {
    return `${this.incoming}/${id}.part`;
  }

  /** The id of a file in `incoming/` that is ours. */
  incomingId(fileName: string): string | undefined {
    return INCOMING_NAME.exec(fileName)?.[1];
  }

  /** What is known of a suspended copy, beside it. */
  sidecar(id: string): string {
    return `${this.incoming}/${id}.resume`;
  }

  /** A sidecar while it is being written. */
  freshSidecar(id: string): string {
    return `${this.sidecar(id)}-new`;
  }

  isFreshSidecar(fileName: string): boolean {
    return fileName.endsWith('.resume-new');
  }

  sidecarId(fileName: string): string | undefined {
    return SIDECAR_NAME.exec(fileName)?.[1];
  }

  /** @param path as `safePath` gives it */
  file(path: string): string {
    return `${this.files}/${path}`;
  }

  /**
   * Where a file is kept that is not what its record says: in a directory of its own, by its safe name.
   *
   * @param path as `safePath` gives it
   */
  quarantined(id: string, path: string): string {
    return join(this.quarantine, id, basename(path));
  }

  /** Where a catalog that cannot be read is kept. */
  quarantinedCatalog(when: Date): string {
    return join(this.quarantine, `catalog-${when.toISOString().replace(/:/g, '-')}`);
  }

  /** Makes the directories that are missing, durably. @throws StorageUnusableError, NoSpaceError */
  async make(files: FileSystem): Promise<void> {
    try {
      const firstMade = await mkdir(this.root, { recursive: true, mode: DIRECTORY_MODE });
      for (const path of [this.files, this.incoming, this.quarantine]) await files.makeDirectory(path);
      await files.syncDirectory(this.root);
      if (firstMade !== undefined) await this.#syncUpTo(files, dirname(firstMade));
      const [a, b] = await Promise.all([stat(this.files), stat(this.incoming)]);
      if (a.dev !== b.dev) throw Object.assign(new Error('two file systems'), { code: 'EXDEV' });
    } catch (error) {
      if (causeCode(error) === 'ENOTDIR' || causeCode(error) === 'EEXIST') {
        throw new StorageUnusableError(`${this.root} is not a directory; name another storage directory`, error);
      }
      throw storageError(`opening ${this.root}`, error);
    }
  }

  async #syncUpTo(files: FileSystem, top: string): Promise<void> {
    for (let path = dirname(this.root); ; path = dirname(path)) {
      await files.syncDirectory(path);
      if (path === top || path === dirname(path)) return;
    }
  }
}
