/**
 * What follows a commit, after it was acknowledged: the file moves from `incoming/` to its place, or a removed one is
 * deleted; the directories that changed are synced, many changes at once; then the redo entries are dropped. Until a
 * file is in its place it is read where it lies. A step that fails is left to the next start, which does it again.
 *
 * One name's commits, moves and opens exclude each other (the lock is handed in), so a path is never a version
 * that its record is not.
 */

import { basename, dirname } from 'node:path';
import { type Log } from '../base/log.ts';
import { messageOf } from '../base/errors.ts';
import { causeCode } from './file-errors.ts';
import type { FileSystem } from './file-system.ts';
import type { KeyedLock } from './keyed-lock.ts';
import type { Layout } from './layout.ts';

/** Moves side by side: few, so that the threads stay free for those who wait for an answer. */
const MOVES_AT_ONCE = 2;
/** Above so many waiting moves, new commits wait too. */
const WAITING_MAX = 1024;
/** Directories are synced when so many files were moved, or after so long. There are 256, so a sync serves many. */
const SYNC_EVERY_MOVES = 4096;
const SYNC_AFTER_MS = 2000;

export type Move = {
  /** Of the redo entry, and of the file in `incoming/`. */
  readonly id: string;
  readonly name: string;
  /** Below `files/`. */
  readonly path: string;
  /** `place`: from `incoming/` to its place. Otherwise what is in its place goes, deleted or into `quarantine/`. */
  readonly action: 'place' | 'remove' | 'set aside';
};

type PlacementParts = {
  readonly files: FileSystem;
  readonly layout: Layout;
  readonly lock: KeyedLock;
  readonly log: Log;
  readonly dropRedo: (ids: readonly string[]) => void;
};

export class Placement {
  readonly #parts: PlacementParts;
  /** The newest change of a name whose move is still to come, or failed. */
  readonly #pending = new Map<string, Move>();
  readonly #waiting: Move[] = [];
  #moving = 0;
  #moved: Move[] = [];
  /** Directories that got another entry, beside those of the moves themselves. */
  readonly #newPlaces = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> = Promise.resolve();
  #wakeups: (() => void)[] = [];

  constructor(parts: PlacementParts) {
    this.#parts = parts;
  }

  /** Resolves when another commit may come. */
  async room(): Promise<void> {
    while (this.#waiting.length >= WAITING_MAX) await this.#nextEnd();
  }

  /** Call under the name's lock, right after the commit. */
  place(move: Move): void {
    this.#pending.set(move.name, move);
    this.#waiting.push(move);
    this.#work();
  }

  /** Where a name's file lies now. Call under the name's lock. */
  locate(name: string, path: string): string {
    const move = this.#pending.get(name);
    return move === undefined ? this.#parts.layout.file(path) : this.#parts.layout.incomingFile(move.id);
  }

  /** Whether a move of the name is still to come, or failed. Call under the name's lock. */
  isPending(name: string): boolean {
    return this.#pending.has(name);
  }

  /** Waits until all moves are done and durable, and hands their redo entries over to be dropped. */
  async settle(): Promise<void> {
    while (this.#waiting.length > 0 || this.#moving > 0) await this.#nextEnd();
    this.#startSync();
    await this.#syncing;
  }

  /** Carries one move out; again does no harm. For the start, when nobody else is there. */
  async carryOut(move: Move): Promise<void> {
    await this.#carryOut(move);
    this.#moved.push(move);
  }

  #nextEnd(): Promise<void> {
    return new Promise((resolve) => this.#wakeups.push(resolve));
  }

  #work(): void {
    while (this.#moving < MOVES_AT_ONCE) {
      const move = this.#waiting.shift();
      if (move === undefined) return;
      this.#moving++;
      void this.#parts.lock
        .run(move.name, () => this.#moveLocked(move))
        .then(() => {
          this.#ended();
        });
    }
  }

  #ended(): void {
    this.#moving--;
    const wakeups = this.#wakeups;
    this.#wakeups = [];
    for (const wake of wakeups) wake();
    this.#work();
  }

  async #moveLocked(move: Move): Promise<void> {
    const superseded = this.#pending.get(move.name) !== move;
    try {
      // One name's moves come in the order of its commits, so what is set aside here is not the newer one's yet.
      if (!superseded || move.action === 'set aside') await this.#carryOut(move);
      else if (move.action === 'place') await this.#unlink(this.#parts.layout.incomingFile(move.id));
    } catch (error) {
      if (causeCode(error) === undefined) throw error;
      // The file stays readable where it is, and the redo entry has the next start try again.
      this.#parts.log.error('store.move.failed', { name: move.name, error: messageOf(error) });
      return;
    }
    if (!superseded) this.#pending.delete(move.name);
    this.#moved.push(move);
    if (this.#moved.length >= SYNC_EVERY_MOVES) this.#startSync();
    else
      this.#timer ??= setTimeout(() => {
        this.#startSync();
      }, SYNC_AFTER_MS).unref();
  }

  async #carryOut(move: Move): Promise<void> {
    const { layout } = this.#parts;
    const place = layout.file(move.path);
    if (move.action === 'place') await this.#rename(layout.incomingFile(move.id), place, layout.files);
    else if (move.action === 'remove') await this.#unlink(place);
    else await this.#setAside(place, layout.quarantined(move.id, move.path));
  }

  /** @param parent of the directory that may have to be made */
  async #rename(from: string, to: string, parent: string): Promise<void> {
    const { files } = this.#parts;
    try {
      await files.rename(from, to);
    } catch (error) {
      if (causeCode(error) !== 'ENOENT') throw error;
      await files.makeDirectory(dirname(to));
      this.#newPlaces.add(parent);
      await files.rename(from, to);
    }
  }

  async #setAside(from: string, to: string): Promise<void> {
    if (!(await this.#isThere(from))) return;
    // Synced before the place that it leaves: a power cut finds it in one of them at least.
    this.#newPlaces.add(dirname(to));
    await this.#rename(from, to, this.#parts.layout.quarantine);
  }

  async #isThere(path: string): Promise<boolean> {
    try {
      return (await this.#parts.files.names(dirname(path))).includes(basename(path));
    } catch (error) {
      if (causeCode(error) !== 'ENOENT') throw error;
      return false;
    }
  }

  async #unlink(path: string): Promise<void> {
    try {
      await this.#parts.files.unlink(path);
    } catch (error) {
      if (causeCode(error) !== 'ENOENT') throw error;
    }
  }

  #startSync(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const moved = this.#moved;
    if (moved.length === 0) return;
    this.#moved = [];
    const directories = new Set(this.#newPlaces);
    for (const { path } of moved) directories.add(dirname(this.#parts.layout.file(path)));
    this.#newPlaces.clear();
    this.#syncing = this.#syncing.then(() => this.#sync(moved, directories));
  }

  async #sync(moved: readonly Move[], directories: ReadonlySet<string>): Promise<void> {
    try {
      for (const directory of directories) await this.#syncDirectory(directory);
    } catch (error) {
      if (causeCode(error) === undefined) throw error;
      this.#parts.log.error('store.sync.failed', { error: messageOf(error) });
      return; // Their redo entries stay.
    }
    this.#parts.dropRedo(moved.map(({ id }) => id));
  }

  /** A removal may concern a file whose directory was never made. */
  async #syncDirectory(path: string): Promise<void> {
    try {
      await this.#parts.files.syncDirectory(path);
    } catch (error) {
      if (causeCode(error) !== 'ENOENT') throw error;
    }
  }
}
