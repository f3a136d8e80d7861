/**
 * Writes a fetched file. The bytes go to a temporary file in the same directory, which takes the asked-for name only
 * when it is complete; whatever goes wrong before leaves nothing behind, except that a large file's part is kept for the
 * next fetch when this one is broken off (resumable-part.ts). No link at the target is followed, and
 * without `overwrite` nothing that is there is replaced, not even what appeared meanwhile. Devices and pipes, such
 * as /dev/null, are written straight to.
 */

import { randomBytes } from 'node:crypto';
import { link, lstat, open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NoSpaceError, OutputExistsError, StoreError } from '../base/errors.ts';
import { RESUMABLE_BYTES_MIN, ResumablePart } from './resumable-part.ts';
import { reasonOf } from './source.ts';
import type { ContentShape, FetchSink, FileEntry, LeftContent } from './types.ts';

const DEFAULT_MODE = 0o666;
const RANDOM_BYTES = 6;

export class FileSink implements FetchSink {
  readonly #path: string;
  readonly #overwrite: boolean;
  #partial: string | undefined;
  #handle: FileHandle | undefined;
  #entry: FileEntry | undefined;
  /** What is kept when the fetch is broken off; its handle is its own. */
  #part: ResumablePart | undefined;
  /** The bytes go there. */
  #isResumable = false;
  /** Where the next bytes go; null: behind the last ones, in a pipe say. */
  #position: number | null = null;

  constructor(path: string, overwrite: boolean) {
    this.#path = path;
    this.#overwrite = overwrite;
  }

  async left(name: string): Promise<LeftContent | undefined> {
    this.#part = new ResumablePart(this.#path, name);
    return this.#part.left();
  }

  /** @throws OutputExistsError; StoreError when the place cannot be written to */
  async start(entry: FileEntry, shape: ContentShape, chunksLeft: number): Promise<void> {
    this.#entry = entry;
    await this.#named(async () => {
      const present = await lstat(this.#path).catch(() => undefined);
      if (present?.isDirectory() === true) throw new OutputExistsError(`${this.#path} is a directory`);
      if (present !== undefined && !present.isFile() && !present.isSymbolicLink()) {
        this.#handle = await open(this.#path, 'w');
        return;
      }
      if (present !== undefined && !this.#overwrite) throw this.#exists();
      const part = this.#part;
      if (part !== undefined && entry.size >= RESUMABLE_BYTES_MIN) {
        this.#isResumable = true;
        this.#handle = await part.begin(shape, chunksLeft > 0);
        this.#partial = part.path;
        this.#position = chunksLeft * shape.chunkBytes;
        return;
      }
      this.#partial = join(dirname(this.#path), `.p2p-${randomBytes(RANDOM_BYTES).toString('hex')}.part`);
      // The kernel takes the umask off the mode.
      this.#handle = await open(this.#partial, 'wx', modeOf(entry));
    });
  }

  async write(parts: readonly Uint8Array[]): Promise<void> {
    await this.#named(() => writeParts(this.#open(), parts, this.#position));
    if (this.#position !== null) this.#position += parts.reduce((sum, { length }) => sum + length, 0);
  }

  /** Gives the complete file its name. */
  async complete(): Promise<void> {
    await this.#named(async () => {
      const { modifiedMs } = this.#entry ?? { modifiedMs: 0 };
      if (this.#partial !== undefined && modifiedMs > 0) {
        await this.#open().utimes(new Date(), new Date(modifiedMs));
      }
      if (this.#isResumable && this.#entry !== undefined) await this.#part?.setMode(modeOf(this.#entry));
      await this.#close();
      if (this.#partial === undefined) return;
      if (this.#overwrite) await rename(this.#partial, this.#path);
      else {
        await link(this.#partial, this.#path);
        await unlink(this.#partial);
      }
      this.#partial = undefined;
      await this.#part?.remove();
      this.#part = undefined;
    }, 'its temporary file has gone');
  }

  /** Keeps what has come, where that is worth it, for the next fetch to the same path. */
  async breakOff(): Promise<void> {
    if (!this.#isResumable) return;
    // The fetch has failed already: that is what there is to tell, and not that this has failed, too.
    await this.#part?.keep().catch(() => undefined);
    this.#part = undefined;
    this.#partial = undefined;
  }

  /** Leaves nothing behind, but what was kept. May be called at any time, also after `complete`. */
  async discard(): Promise<void> {
    await this.#close();
    const partial = this.#partial;
    this.#partial = undefined;
    if (this.#isResumable) await this.#part?.remove();
    else if (partial !== undefined) await unlink(partial).catch(() => undefined);
  }

  #open(): FileHandle {
    if (this.#handle === undefined) throw new StoreError('FAILED', `${this.#path} is not open`);
    return this.#handle;
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    // The part closes its own, also one that was opened to look and never used.
    await this.#part?.release();
    if (!this.#isResumable) await handle?.close();
  }

  #exists(): OutputExistsError {
    return new OutputExistsError(`${this.#path} exists already (--overwrite replaces it)`);
  }

  /** @param missing what it means that something is not there */
  async #named(access: () => Promise<void>, missing = `there is no directory ${dirname(this.#path)}`): Promise<void> {
    try {
      await access();
    } catch (cause) {
      if (cause instanceof StoreError) throw cause;
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
      if (code === 'EEXIST') throw this.#exists();
      const message = `cannot write ${this.#path}: ${code === 'ENOENT' ? missing : reasonOf(cause)}`;
      throw code === 'ENOSPC' || code === 'EDQUOT'
        ? new NoSpaceError(message, cause)
        : new StoreError('FAILED', message, cause);
    }
  }
}

function modeOf({ mode }: FileEntry): number {
  return mode === 0 ? DEFAULT_MODE : mode;
}

/**
 * Writes all of the parts, with one system call as a rule.
 *
 * @param position null: where the file stands
 */
export async function writeParts(
  file: FileHandle,
  parts: readonly Uint8Array[],
  position: number | null = null,
): Promise<void> {
  let rest = parts;
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at ?? undefined);
    rest = withoutFirst(rest, bytesWritten);
    if (at !== null) at += bytesWritten;
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
