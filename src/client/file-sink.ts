/**
 * Writes a fetched file. The bytes go to a temporary file in the same directory, which takes the asked-for name only
 * when it is complete; whatever goes wrong before leaves nothing behind. No link at the target is followed, and
 * without `overwrite` nothing that is there is replaced, not even what appeared meanwhile. Devices and pipes, such
 * as /dev/null, are written straight to.
 */

import { randomBytes } from 'node:crypto';
import { link, lstat, open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NoSpaceError, OutputExistsError, StoreError } from '../base/errors.ts';
import { reasonOf } from './source.ts';
import type { FetchSink, FileEntry } from './types.ts';

const DEFAULT_MODE = 0o666;
const RANDOM_BYTES = 6;

export class FileSink implements FetchSink {
  readonly #path: string;
  readonly #overwrite: boolean;
  #partial: string | undefined;
  #handle: FileHandle | undefined;
  #entry: FileEntry | undefined;

  constructor(path: string, overwrite: boolean) {
    this.#path = path;
    this.#overwrite = overwrite;
  }

  /** @throws OutputExistsError; StoreError when the place cannot be written to */
  async start(entry: FileEntry): Promise<void> {
    this.#entry = entry;
    await this.#named(async () => {
      const present = await lstat(this.#path).catch(() => undefined);
      if (present?.isDirectory() === true) throw new OutputExistsError(`${this.#path} is a directory`);
      if (present !== undefined && !present.isFile() && !present.isSymbolicLink()) {
        this.#handle = await open(this.#path, 'w');
        return;
      }
      if (present !== undefined && !this.#overwrite) throw this.#exists();
      this.#partial = join(dirname(this.#path), `.p2p-${randomBytes(RANDOM_BYTES).toString('hex')}.part`);
      // The kernel takes the umask off the mode.
      this.#handle = await open(this.#partial, 'wx', entry.mode === 0 ? DEFAULT_MODE : entry.mode);
    });
  }

  async write(parts: readonly Uint8Array[]): Promise<void> {
    await this.#named(() => writeParts(this.#open(), parts));
  }

  /** Gives the complete file its name. */
  async complete(): Promise<void> {
    await this.#named(async () => {
      const { modifiedMs } = this.#entry ?? { modifiedMs: 0 };
      if (this.#partial !== undefined && modifiedMs > 0) {
        await this.#open().utimes(new Date(), new Date(modifiedMs));
      }
      await this.#close();
      if (this.#partial === undefined) return;
      if (this.#overwrite) await rename(this.#partial, this.#path);
      else {
        await link(this.#partial, this.#path);
        await unlink(this.#partial);
      }
      this.#partial = undefined;
    });
  }

  /** Leaves nothing behind. May be called at any time, also after `complete`. */
  async discard(): Promise<void> {
    await this.#close();
    const partial = this.#partial;
    this.#partial = undefined;
    if (partial !== undefined) await unlink(partial).catch(() => undefined);
  }

  #open(): FileHandle {
    if (this.#handle === undefined) throw new StoreError('FAILED', `${this.#path} is not open`);
    return this.#handle;
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  #exists(): OutputExistsError {
    return new OutputExistsError(`${this.#path} exists already (--overwrite replaces it)`);
  }

  async #named(access: () => Promise<void>): Promise<void> {
    try {
      await access();
    } catch (cause) {
      if (cause instanceof StoreError) throw cause;
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
      if (code === 'EEXIST') throw this.#exists();
      const message = `cannot write ${this.#path}: ${reasonOf(cause)}`;
      throw code === 'ENOSPC' || code === 'EDQUOT'
        ? new NoSpaceError(message, cause)
        : new StoreError('FAILED', message, cause);
    }
  }
}

/** Writes all of the parts where the file stands, with one system call as a rule. */
export async function writeParts(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  let rest = parts;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest);
    rest = withoutFirst(rest, bytesWritten);
  }
}

/** What is left of the parts after a write that may have been short. */
function withoutFirst(parts: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let skip = bytes;
  for (const [index, part] of parts.entries()) {
    if (skip < part.length) return skip === 0 ? parts.slice(index) : [part.subarray(skip), ...parts.slice(index + 1)];
    skip -= part.length;
  }
  return [];
}
