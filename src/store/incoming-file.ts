/**
 * One copy on its way in: a new file in `incoming/`, hashed while it is written, durable when `finish` resolves.
 *
 * Written so that the disk is busy from early on: pieces gather to a write of 1 MiB that runs while the next ones are
 * hashed, and the file is synced in between, so that the last sync finds little left. Small content waits in memory
 * until its end is known, which makes create, write, sync and close one go. No copy is made of large pieces.
 *
 * Any failed access ends it: the descriptor is closed, the file deleted, every later call throws the same error. A sync
 * that failed is never tried again.
 */

import { assert, defined } from '../base/assert.ts';
import { NotReadyError, StoreError } from '../base/errors.ts';
import { ChunkHasher } from './chunk-hasher.ts';
import { causeCode, named } from './file-errors.ts';
import { writeFully } from './file-system.ts';
import { readChunks } from './read-chunks.ts';
import type { StagedFile } from './staged-file.ts';
import type { Resumption, StagingPlace } from './staging-place.ts';

/** Bytes gathered before a write; at most one such write is under way while the next one gathers. */
const WRITE_BYTES = 1024 * 1024;
/** Content up to here is written in one go at the end. */
const SMALL_BYTES = 64 * 1024;
/** Bytes written between two syncs that run beside the writing. */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024;
/** The same where what is durable is written down, for what is not is sent again when this process is killed. */
const NOTE_EVERY_BYTES = 16 * 1024 * 1024;
/** What was written down is rewritten when there is this share more, so that large files do not have it written too often. */
const NOTE_EVERY_SHARE = 1 / 64;
/** Pieces below this are copied, so that tiny ones do not keep large buffers alive. */
const COPY_BELOW_BYTES = 2 * 1024;
/** Less than this is sent again rather than kept. */
const SUSPENDED_BYTES_MIN = 8 * 1024 * 1024;
/** How much more space is asked for when the content outgrows what was announced. */
const RESERVE_STEP_BYTES = 8 * 1024 * 1024;

export class IncomingFile implements StagedFile {
  readonly #place: StagingPlace;
  readonly #hasher: ChunkHasher;
  #fd: number | undefined;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #writtenBytes = 0;
  #unsyncedBytes = 0;
  #notedBytes: number;
  #size = 0;
  #writing: Promise<void> = Promise.resolve();
  #syncing: Promise<void> = Promise.resolve();
  #state: 'open' | 'busy' | 'finished' | 'handed over' | 'ended' = 'open';
  #failure: { readonly error: unknown } | undefined;
  #call: Promise<void> = Promise.resolve();
  /** The file in `incoming/`. */
  #exists: boolean;
  #isOver = false;

  constructor(place: StagingPlace) {
    const known = place.resumption?.hashes ?? [];
    this.#place = place;
    this.#hasher = new ChunkHasher(place.chunkBytes, known);
    this.#exists = known.length > 0;
    this.#size = this.#writtenBytes = this.#notedBytes = known.length * place.chunkBytes;
  }

  get id(): string {
    return this.#place.id;
  }

  get chunkBytes(): number {
    return this.#place.chunkBytes;
  }

  get size(): number {
    return this.#size;
  }

  get chunkHashes(): readonly Uint8Array[] {
    return this.#hasher.hashes;
  }

  get merkleRoot(): Uint8Array {
    return this.#hasher.merkleRoot;
  }

  get finished(): boolean {
    return this.#state === 'finished';
  }

  keptChunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const { files, path, chunkBytes, resumption } = this.#place;
    return readChunks(files, path, chunkBytes, resumption?.hashes ?? []);
  }

  async write(parts: readonly Uint8Array[]): Promise<void> {
    await this.#exclusively('open', async () => {
      for (const part of parts) {
        if (part.length === 0) continue;
        this.#hasher.update(part);
        this.#gathered.push(part.length < COPY_BELOW_BYTES ? Buffer.from(part) : part);
        this.#gatheredBytes += part.length;
        this.#size += part.length;
        if (this.#gatheredBytes >= WRITE_BYTES) await this.#startWrite();
      }
    });
  }

  async finish(): Promise<void> {
    await this.#exclusively('finished', async () => {
      this.#hasher.finish();
      await this.#startWrite();
      await this.#sync();
      await this.#place.syncIncoming();
      this.#place.space.finish();
    });
  }

  /** All that was written, and closes. */
  async #sync(): Promise<void> {
    await this.#writing;
    await this.#syncing;
    const fd = defined(this.#fd, 'the file is open');
    await this.#place.files.datasync(fd);
    this.#fd = undefined;
    await this.#place.files.close(fd);
  }

  /** The file belongs to the catalog from now on; its space counts as this copy's until it is discarded. */
  handOver(): void {
    assert(this.#state === 'finished', 'only a finished copy is committed');
    this.#state = 'handed over';
  }

  async discard(): Promise<void> {
    await this.#call.catch(() => undefined); // Its caller has the error.
    const state = this.#state;
    if (state === 'ended') return;
    this.#state = 'ended';
    if (state !== 'handed over') return this.#remove();
    await this.#place.forgetEarlier();
    this.#end();
  }

  async suspend(): Promise<boolean> {
    await this.#call.catch(() => undefined); // Its caller has the error.
    const { resumption, chunkBytes } = this.#place;
    const worthIt = this.#hasher.hashes.length * chunkBytes >= SUSPENDED_BYTES_MIN;
    if (this.#state !== 'open' || resumption === undefined || !worthIt) {
      await this.discard();
      return false;
    }
    this.#state = 'ended';
    const suspending = this.#suspend(resumption);
    this.#call = suspending.then(() => undefined);
    return suspending;
  }

  async #suspend(resumption: Resumption): Promise<boolean> {
    try {
      return await named(`suspending ${this.#place.path}`, async () => {
        await this.#startWrite();
        await this.#sync();
        return resumption.keep(this.#hasher.hashes);
      });
    } catch (error) {
      await this.#remove();
      if (error instanceof StoreError) return false;
      throw error;
    } finally {
      this.#end();
    }
  }

  /** Runs one call; a failure discards the copy and is what every later call throws. */
  async #exclusively(after: 'open' | 'finished', action: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    // Discarded under its writer's hands, when the directory is closed.
    if (this.#state === 'ended') throw new NotReadyError('this copy was given up');
    assert(this.#state === 'open', `a staged file is used one call at a time (${this.#state})`);
    this.#state = 'busy';
    this.#call = this.#run(after, action);
    await this.#call;
  }

  async #run(after: 'open' | 'finished', action: () => Promise<void>): Promise<void> {
    try {
      await named(`writing ${this.#place.path}`, action);
    } catch (error) {
      this.#failure = { error };
      this.#state = 'ended';
      await this.#remove();
      throw error;
    }
    this.#state = after;
  }

  /** Hands what is gathered to the disk; resolves as soon as that has begun. */
  async #startWrite(): Promise<void> {
    const parts = this.#gathered;
    const bytes = this.#gatheredBytes;
    const position = this.#writtenBytes;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    await this.#reserve();
    this.#fd ??= await this.#open();
    await this.#writing;
    if (bytes === 0) return;
    this.#writing = this.#write(this.#fd, parts, position);
    this.#writing.catch(() => undefined); // Whoever awaits it next gets the error.
    this.#writtenBytes += bytes;
    this.#unsyncedBytes += bytes;
    const every = this.#place.resumption === undefined ? SYNC_EVERY_BYTES : NOTE_EVERY_BYTES;
    // The write that has just begun is not among what the sync makes durable for certain.
    if (this.#unsyncedBytes >= every) await this.#startSync(this.#fd, position);
  }

  async #write(fd: number, parts: readonly Uint8Array[], position: number): Promise<void> {
    await writeFully(this.#place.files, fd, parts, position);
    this.#place.space.wrote(parts.reduce((sum, part) => sum + part.length, 0));
  }

  /** Waits for the sync before: no more than two of these stretches are ever unsynced. */
  async #startSync(fd: number, writtenTo: number): Promise<void> {
    await this.#syncing;
    this.#unsyncedBytes = 0;
    this.#syncing = this.#place.files.datasync(fd).then(() => this.#note(writtenTo));
    this.#syncing.catch(() => undefined); // Whoever awaits it next gets the error.
  }

  async #note(durableBytes: number): Promise<void> {
    const { resumption, chunkBytes } = this.#place;
    if (resumption === undefined || durableBytes <= this.#notedBytes * (1 + NOTE_EVERY_SHARE)) return;
    this.#notedBytes = durableBytes;
    await resumption.note(this.#hasher.hashes.slice(0, Math.floor(durableBytes / chunkBytes)));
  }

  async #reserve(): Promise<void> {
    const { space } = this.#place;
    const missing = this.#size - space.bytes;
    const step = this.#size <= SMALL_BYTES ? missing : Math.max(missing, RESERVE_STEP_BYTES);
    if (missing > 0) await space.extend(missing, step);
  }

  async #open(): Promise<number> {
    const { files, path } = this.#place;
    if (this.#exists) {
      const fd = await files.open(path, 'continue');
      // What an attempt that was killed wrote behind the whole chunks.
      await files.truncate(fd, this.#writtenBytes);
      return fd;
    }
    const fd = await files.open(path, 'create');
    this.#exists = true;
    return fd;
  }

  /** Closes and deletes, whatever of that is left to do. */
  async #remove(): Promise<void> {
    const { files, path } = this.#place;
    try {
      await Promise.allSettled([this.#writing, this.#syncing]);
      const fd = this.#fd;
      this.#fd = undefined;
      if (fd !== undefined) await files.close(fd);
      if (this.#exists) await files.unlink(path);
      await this.#place.forgetEarlier();
    } catch (error) {
      // The next start clears what could not be deleted now.
      if (causeCode(error) === undefined) throw error;
    } finally {
      this.#gathered = [];
      this.#end();
    }
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#place.space.release();
    this.#place.onEnd();
  }
}
