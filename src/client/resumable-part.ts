/**
 * The temporary file of a large fetch, kept when the fetch is broken off, so that the next one goes on behind the chunks
 * that were checked already. A note beside it says which part belongs to which version, and who is at work on it. How
 * many chunks there are follows from the part's length, for only checked chunks are ever appended; so nothing has to be
 * noted while it grows.
 *
 * A part has a name of its own, and changes hands only by moving the note away, which one of several can do: no two
 * fetches ever take each other's unfinished part for their own finished one. What lies there is believed only if it is
 * safe to: both files are this user's own, plain, and for nobody else to write; no living process is at work on them;
 * and the part was synced, or written since this machine started, for a power cut may leave a long file full of zeros.
 */

import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, readFile, rename, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { defined } from '../base/assert.ts';
import { StoreError } from '../base/errors.ts';
import type { ContentShape, LeftContent } from './types.ts';

/** Smaller files are fetched again as fast. */
export const RESUMABLE_BYTES_MIN = 8 * 1024 * 1024;

const NOTE_FORMAT = 1;
const NOTE_BYTES_MAX = 4 * 1024;
const PRIVATE_MODE = 0o600;
const ANY_MODE = 0o777;
const OTHERS_WRITE_BITS = 0o022;
const RANDOM_BYTES = 6;
const PART_NAME = /^\.p2p-[0-9a-f]+\.part$/;
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
const NOBODY = 0;

type Note = ContentShape & {
  readonly format: typeof NOTE_FORMAT;
  /** The part's file name, in the same directory. */
  readonly part: string;
  /** Of the process at work; 0: none is. */
  readonly pid: number;
  /** The machine's run in which it was written. */
  readonly boot: string;
  /** The part is safe on disk up to its length. */
  readonly synced: boolean;
};

type FoundNote = { readonly text: string; readonly note: Note };

/** Parts that this process is at work on. */
const inUse = new Set<string>();

export class ResumablePart {
  readonly #directory: string;
  readonly #notePath: string;
  /** Left by somebody who is not at work any more. */
  #found: FoundNote | undefined;
  #shape: ContentShape | undefined;
  #path: string;
  #handle: FileHandle | undefined;
  #ownsNote = false;
  #umask = 0;

  /**
   * @param target where the whole file goes
   * @param name of the file in the network
   */
  constructor(target: string, name: string) {
    const id = createHash('sha256')
      .update(`${name}\0${basename(target)}`)
      .digest('hex')
      .slice(0, 16);
    this.#directory = dirname(target);
    this.#notePath = join(this.#directory, `.p2p-${id}.resume`);
    this.#path = join(this.#directory, `.p2p-${randomBytes(RANDOM_BYTES).toString('hex')}.part`);
  }

  /** Where the bytes are, once it has begun. */
  get path(): string {
    return this.#path;
  }

  /** What an earlier fetch left here, if it can be believed. */
  async left(): Promise<LeftContent | undefined> {
    const found = await readNote(this.#notePath);
    if (found === undefined) return undefined;
    const note = noteOf(found);
    if (note === undefined) {
      // A power cut may have left it empty. Nobody can go on from it.
      await unlink(this.#notePath).catch(() => undefined);
      return undefined;
    }
    const path = join(this.#directory, note.part);
    const sameRun = note.boot === (await bootId());
    if (inUse.has(path) || (sameRun && isAlive(note.pid))) return undefined;
    this.#found = { text: found, note };
    if (!note.synced && !sameRun) return undefined;
    this.#handle = await openOwn(path, constants.O_RDWR);
    if (this.#handle === undefined) return undefined;
    const { size } = await this.#handle.stat();
    const { version, merkleRoot, chunkBytes, chunks } = note;
    return { version, merkleRoot, chunkBytes, chunks, chunksLeft: Math.min(Math.floor(size / chunkBytes), chunks) };
  }

  /**
   * Opens the part to be written.
   *
   * @param goOn with what `left` found; else anew, and what was found is deleted
   * @throws StoreError when another process has just taken what was found
   */
  async begin(shape: ContentShape, goOn: boolean): Promise<FileHandle> {
    this.#shape = shape;
    if (goOn) {
      const note = await this.#takeOver();
      if (note === undefined) throw new StoreError('FAILED', 'another process has just gone on with the same fetch');
      this.#path = join(this.#directory, note.part);
    } else await this.#deleteFound();
    inUse.add(this.#path);
    this.#handle ??= await open(this.#path, 'wx', PRIVATE_MODE);
    await this.#makeNote();
    return this.#handle;
  }

  /** Gives the complete part the mode that a new file with this one would have. */
  async setMode(mode: number): Promise<void> {
    await this.#handle?.chmod(mode & ~this.#umask);
  }

  /** Keeps what has been written for the next fetch, if that is a chunk at least. */
  async keep(): Promise<void> {
    const { size } = (await this.#handle?.stat()) ?? { size: 0 };
    if (!this.#ownsNote || this.#shape === undefined || size < this.#shape.chunkBytes) {
      await this.remove();
      return;
    }
    await this.#handle?.datasync();
    await this.#writeNote(NOBODY, true, rename);
    await this.release();
  }

  /** Deletes part and note, and what somebody left who is not at work any more. */
  async remove(): Promise<void> {
    await this.release();
    await this.#deleteFound();
    if (this.#shape === undefined) return;
    await unlink(this.#path).catch(() => undefined);
    if (this.#ownsNote) await unlink(this.#notePath).catch(() => undefined);
  }

  /** Lets go of it as it is. */
  async release(): Promise<void> {
    await this.#close();
    inUse.delete(this.#path);
  }

  async #deleteFound(): Promise<void> {
    await this.#close();
    const note = await this.#takeOver();
    if (note !== undefined) await unlink(join(this.#directory, note.part)).catch(() => undefined);
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  /** Takes the note that was found away: of several that try, one gets it. */
  async #takeOver(): Promise<Note | undefined> {
    const found = this.#found;
    this.#found = undefined;
    if (found === undefined) return undefined;
    const aside = this.#draftPath();
    try {
      await rename(this.#notePath, aside);
    } catch {
      return undefined;
    }
    if ((await readNote(aside)) === found.text) {
      await unlink(aside);
      return found.note;
    }
    // Meanwhile somebody else has begun; that one's note goes back where it was.
    await rename(aside, this.#notePath);
    return undefined;
  }

  /** Where somebody else has begun at this moment, there is no note of this part, and it is not kept. */
  async #makeNote(): Promise<void> {
    try {
      await this.#writeNote(process.pid, false, link);
      this.#ownsNote = true;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }

  /** Writes the note, whole. On the way a file of every mode shows this process's umask. */
  async #writeNote(pid: number, synced: boolean, place: (from: string, to: string) => Promise<void>): Promise<void> {
    const shape = defined(this.#shape, 'a note is written once the part has begun');
    const note: Note = { format: NOTE_FORMAT, part: basename(this.#path), ...shape, pid, boot: await bootId(), synced };
    const draft = this.#draftPath();
    const file = await open(draft, 'wx', ANY_MODE);
    try {
      this.#umask = ANY_MODE & ~(await file.stat()).mode;
      await file.chmod(PRIVATE_MODE);
      await file.writeFile(JSON.stringify(note));
      await place(draft, this.#notePath);
    } finally {
      await file.close();
      await unlink(draft).catch(() => undefined);
    }
  }

  #draftPath(): string {
    return `${this.#notePath}.${randomBytes(RANDOM_BYTES).toString('hex')}`;
  }
}

/** Opens a file that is this user's own, plain, under one name, and for nobody else to write. */
async function openOwn(path: string, access: number): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, access | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  const found = await file.stat();
  const own = found.isFile() && found.nlink === 1 && found.uid === process.getuid?.();
  if (own && (found.mode & OTHERS_WRITE_BITS) === 0) return file;
  await file.close();
  return undefined;
}

async function readNote(path: string): Promise<string | undefined> {
  const file = await openOwn(path, constants.O_RDONLY);
  if (file === undefined) return undefined;
  try {
    return (await file.stat()).size > NOTE_BYTES_MAX ? '' : await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function noteOf(text: string): Note | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const note = value as Partial<Record<keyof Note, unknown>>;
  const texts = [note.version, note.merkleRoot, note.boot].every((item) => typeof item === 'string');
  const numbers = [note.chunkBytes, note.chunks].every((number) => Number.isSafeInteger(number) && Number(number) > 0);
  const part = typeof note.part === 'string' && PART_NAME.test(note.part);
  const rest = note.format === NOTE_FORMAT && Number.isSafeInteger(note.pid) && typeof note.synced === 'boolean';
  return texts && numbers && part && rest ? (value as Note) : undefined;
}

/** Of this process nothing was left before it began: whoever has its number in a note was an earlier one. */
function isAlive(pid: number): boolean {
  if (pid === NOBODY || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Where the system tells none, every process is a run of its own, and only what was synced is believed. */
const UNKNOWN_BOOT = randomBytes(8).toString('hex');

async function bootId(): Promise<string> {
  const text = await readFile(BOOT_ID_FILE, 'utf8').catch(() => UNKNOWN_BOOT);
  return text.trim();
}
