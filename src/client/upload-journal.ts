/**
 * What a person's clients remember of large uploads under way, so that the next run of the same command goes on with one
 * that broke off: the id under which the root keeps what it has, and the hashes of the chunks that were sent. One small file
 * each in `uploads/` of the configuration folder: a line of JSON, then the hashes, appended as chunks are sent.
 *
 * Nothing here is believed: hashes count only as far as the root's own agree with them, so a torn tail does no harm. A journal
 * belongs to one process at a time, whose number is in the file's name; it changes hands by a rename, which one of several can
 * do. A folder that cannot be written to costs the resumption and nothing else.
 */

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { fromHex, toHex } from '../base/bytes.ts';
import { UPLOAD_ID_BYTES } from '../wire/file.ts';
import { CHUNKS_PER_FILE_MAX, HASH_BYTES } from '../wire/limits.ts';

/** As long as a root keeps what broke off. */
const KEPT_FOR_MS = 24 * 60 * 60 * 1000;
/** The oldest give way. */
const JOURNALS_MAX = 64;
/** Chunks between two appends: what is not noted is hashed again from the file. */
const APPEND_CHUNKS = 16;

const FORMAT = 1;
const HEAD_BYTES_MAX = 256;
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const KEY_DIGITS = 32;
const NOBODY = 0;
const JOURNAL_NAME = /^([0-9a-f]{32})\.[0-9a-f]{8}\.([0-9]{1,10})\.upload$/;

/** What makes an upload the same: the network, the name, and the source as it is. */
export type UploadSource = {
  readonly networkId: Uint8Array;
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly size: number;
  /** Differs when it is another file, or was written to since. */
  readonly fingerprint: string;
};

type Found = { readonly fileName: string; readonly key: string; readonly pid: number };

/** File names of the journals that this process is at work with. */
const inUse = new Set<string>();

export class UploadJournal {
  readonly uploadId: Uint8Array;
  /** Of the first chunks, as an earlier run noted them. */
  readonly hashes: readonly Uint8Array[];
  readonly #directory: string;
  readonly #fileName: string;
  readonly #file: FileHandle;
  readonly #headBytes: number;
  /** Chunks noted, of those that count. */
  #noted: number;

  private constructor(directory: string, fileName: string, file: FileHandle, content: Content) {
    this.#directory = directory;
    this.#fileName = fileName;
    this.#file = file;
    this.uploadId = content.uploadId;
    this.hashes = content.hashes;
    this.#headBytes = content.headBytes;
    this.#noted = content.hashes.length;
  }

  /**
   * The journal of an upload: one that an earlier run left, or a new one.
   *
   * @param nowMs ms since 1970
   * @returns undefined where none can be kept
   */
  static async open(directory: string, source: UploadSource, nowMs = Date.now()): Promise<UploadJournal | undefined> {
    try {
      await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
      const key = keyOf(source);
      const found = await tidy(directory, nowMs);
      for (const journal of found) {
        if (journal.key !== key || isAtWork(journal)) continue;
        const taken = await UploadJournal.#take(directory, journal);
        if (taken !== undefined) return taken;
      }
      return await UploadJournal.#create(directory, key);
    } catch (error) {
      ignoreSystemErrors(error);
      return undefined;
    }
  }

  static async #take(directory: string, { fileName }: Found): Promise<UploadJournal | undefined> {
    const mine = withPid(fileName, process.pid);
    if (inUse.has(mine)) return undefined;
    inUse.add(mine);
    let file: FileHandle | undefined;
    try {
      await rename(join(directory, fileName), join(directory, mine));
      file = await open(join(directory, mine), 'r+');
      const content = await read(file);
      if (content !== undefined) return new UploadJournal(directory, mine, file, content);
      await unlink(join(directory, mine));
    } catch (error) {
      ignoreSystemErrors(error); // Another process was faster.
    }
    await file?.close();
    inUse.delete(mine);
    return undefined;
  }

  static async #create(directory: string, key: string): Promise<UploadJournal> {
    const fileName = `${key}.${randomBytes(4).toString('hex')}.${String(process.pid)}.upload`;
    inUse.add(fileName);
    const uploadId = new Uint8Array(randomBytes(UPLOAD_ID_BYTES));
    const head = Buffer.from(`${JSON.stringify({ format: FORMAT, uploadId: toHex(uploadId) })}\n`);
    try {
      const file = await open(join(directory, fileName), 'wx+', FILE_MODE);
      await file.write(head, 0, head.length, 0);
      return new UploadJournal(directory, fileName, file, { uploadId, hashes: [], headBytes: head.length });
    } catch (error) {
      inUse.delete(fileName);
      throw error;
    }
  }

  /** Only so many of the first chunks count: the others are sent again. */
  async keepFirst(chunks: number): Promise<void> {
    if (chunks >= this.#noted) return;
    this.#noted = chunks;
    await this.#file.truncate(this.#headBytes + chunks * HASH_BYTES).catch(ignoreSystemErrors);
  }

  /** Notes what is new, now and then. @param hashes of all chunks so far */
  async note(hashes: readonly Uint8Array[], atLeast = APPEND_CHUNKS): Promise<void> {
    const fresh = hashes.slice(this.#noted);
    if (fresh.length < atLeast) return;
    const at = this.#headBytes + this.#noted * HASH_BYTES;
    this.#noted = hashes.length;
    await this.#file.write(Buffer.concat(fresh), 0, undefined, at).catch(ignoreSystemErrors);
  }

  /** Leaves it to the next run. @param hashes as for `note` */
  async leave(hashes: readonly Uint8Array[]): Promise<void> {
    await this.note(hashes, 1);
    await this.#close(() => rename(this.#path, join(this.#directory, withPid(this.#fileName, NOBODY))));
  }

  /** There is nothing to go on with. */
  async remove(): Promise<void> {
    await this.#close(() => unlink(this.#path));
  }

  get #path(): string {
    return join(this.#directory, this.#fileName);
  }

  async #close(last: () => Promise<void>): Promise<void> {
    await this.#file.close().catch(ignoreSystemErrors);
    await last().catch(ignoreSystemErrors);
    inUse.delete(this.#fileName);
  }
}

type Content = { readonly uploadId: Uint8Array; readonly hashes: readonly Uint8Array[]; readonly headBytes: number };

/** Undefined for what is no journal. */
async function read(file: FileHandle): Promise<Content | undefined> {
  const { size } = await file.stat();
  if (size > HEAD_BYTES_MAX + CHUNKS_PER_FILE_MAX * HASH_BYTES) return undefined;
  const bytes = new Uint8Array(size);
  const { bytesRead } = await file.read(bytes, 0, size, 0);
  const headBytes = bytes.indexOf('\n'.charCodeAt(0)) + 1;
  const uploadId = headBytes > 0 ? uploadIdIn(Buffer.from(bytes.subarray(0, headBytes)).toString()) : undefined;
  if (uploadId === undefined) return undefined;
  const count = Math.floor((bytesRead - headBytes) / HASH_BYTES);
  const hashes = Array.from({ length: count }, (_, index) =>
    bytes.slice(headBytes + index * HASH_BYTES, headBytes + (index + 1) * HASH_BYTES),
  );
  return { uploadId, hashes, headBytes };
}

function uploadIdIn(head: string): Uint8Array | undefined {
  let value: unknown;
  try {
    value = JSON.parse(head);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { format, uploadId } = value as { format?: unknown; uploadId?: unknown };
  const bytes = typeof uploadId === 'string' ? fromHex(uploadId) : undefined;
  return format === FORMAT && bytes?.length === UPLOAD_ID_BYTES ? bytes : undefined;
}

/** Deletes what is too old or too much. @returns the others */
async function tidy(directory: string, nowMs: number): Promise<Found[]> {
  const dated: (Found & { readonly changedMs: number })[] = [];
  for (const fileName of await readdir(directory)) {
    const [, key, pid] = JOURNAL_NAME.exec(fileName) ?? [];
    const found = key === undefined ? undefined : await stat(join(directory, fileName)).catch(ignoreSystemErrors);
    if (key !== undefined && found !== undefined) {
      dated.push({ fileName, key, pid: Number(pid), changedMs: found.mtimeMs });
    }
  }
  dated.sort((a, b) => b.changedMs - a.changedMs);
  const stays = (journal: (typeof dated)[number], index: number) =>
    isAtWork(journal) || (index < JOURNALS_MAX - 1 && journal.changedMs + KEPT_FOR_MS > nowMs);
  for (const journal of dated.filter((each, index) => !stays(each, index))) {
    await unlink(join(directory, journal.fileName)).catch(ignoreSystemErrors);
  }
  return dated.filter(stays);
}

function keyOf({ networkId, name, path, size, fingerprint }: UploadSource): string {
  const parts = [toHex(networkId), name, path, size, fingerprint];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, KEY_DIGITS);
}

function withPid(fileName: string, pid: number): string {
  return fileName.replace(/\.[0-9]+\.upload$/, `.${String(pid)}.upload`);
}

/** A number like this process's own that it does not know of was an earlier process's. */
function isAtWork({ fileName, pid }: Found): boolean {
  if (pid === process.pid) return inUse.has(fileName);
  if (pid === NOBODY) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function ignoreSystemErrors(error: unknown): undefined {
  if (!(error instanceof Error && 'code' in error)) throw error;
}
