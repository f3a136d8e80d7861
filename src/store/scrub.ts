/**
 * Reads all stored files again, at a declared rate, in the order of their names, and reports what is damaged: bits that
 * nobody reads rot unnoticed, until the last good copy is gone. Where a pass stands is kept, so that a peer that is
 * restarted every day gets round, too.
 */

import { assert } from '../base/assert.ts';
import type { Version } from '../id/version.ts';
import type { SignedRecord } from '../wire/record.ts';
import { Pace, type Timing, realTiming } from './pace.ts';
import type { StorageParts } from './storage-parts.ts';
import { type Pacing, verify } from './verification.ts';

export type ScrubOptions = {
  /** How much is read at most. */
  readonly bytesPerSecond: number;
  readonly signal: AbortSignal;
  /** Waited for. Usually it quarantines the copy and has another one fetched. */
  readonly onDamage: (name: string, version: Version) => void | Promise<void>;
  /** For tests. */
  readonly timing?: Timing;
};

export type ScrubReport = {
  /** Read to their end, damaged ones included. */
  readonly files: number;
  readonly bytes: number;
  readonly damaged: number;
  /** The pass went to the end of the names; the next one begins anew. */
  readonly complete: boolean;
};

const CURSOR = 'scrub.cursor';
const CURSOR_KEPT_EVERY_MS = 60_000;
const PAGE_RECORDS = 64;
/** What opening a file costs beside reading it, in bytes of reading: a pass over tiny files is held back, too. */
const FILE_COST_BYTES = 16 * 1024;

/** Thrown through a reading to end it. */
class BrokenOff extends Error {}

/** One pass, from where the last one was broken off. Resolves early when the signal is aborted. */
export async function scrub(parts: StorageParts, options: ScrubOptions): Promise<ScrubReport> {
  assert(options.bytesPerSecond > 0, 'a scrub has a rate');
  const pass = new Pass(parts, options);
  return pass.run();
}

class Pass {
  readonly #parts: StorageParts;
  readonly #options: ScrubOptions;
  readonly #timing: Timing;
  readonly #pace: Pace;
  #files = 0;
  #bytes = 0;
  #damaged = 0;
  #cursor = '';
  #keptMs: number;

  constructor(parts: StorageParts, options: ScrubOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#timing = options.timing ?? realTiming;
    this.#pace = new Pace(options.bytesPerSecond, this.#timing, options.signal);
    this.#keptMs = this.#timing.now();
  }

  async run(): Promise<ScrubReport> {
    const { catalog } = this.#parts;
    const kept = await catalog.setting(CURSOR);
    this.#cursor = kept === undefined ? '' : Buffer.from(kept).toString();
    let complete = false;
    try {
      for (let more = true; more;) {
        const page = await catalog.list({ prefix: '', after: this.#cursor, limit: PAGE_RECORDS });
        for (const { record } of page.entries) await this.#check(record);
        await this.#forgetUnreadable();
        more = page.more;
      }
      this.#cursor = '';
      complete = true;
    } catch (error) {
      if (!(error instanceof BrokenOff)) throw error;
    }
    await this.#keepCursor();
    return { files: this.#files, bytes: this.#bytes, damaged: this.#damaged, complete };
  }

  async #check(record: SignedRecord): Promise<void> {
    const { name, version, size } = record;
    await this.#spend(FILE_COST_BYTES);
    const found = await verify(this.#parts, record, this.#spend);
    if (found !== 'absent') {
      this.#files++;
      this.#bytes += size;
    }
    if (found === 'damaged') {
      this.#damaged++;
      this.#parts.log.error('store.damaged', { name, size });
      await this.#options.onDamage(name, version);
    }
    this.#cursor = name;
    if (this.#timing.now() - this.#keptMs >= CURSOR_KEPT_EVERY_MS) await this.#keepCursor();
  }

  /** What the page passed over: forgotten, it is fetched anew or adopted. */
  async #forgetUnreadable(): Promise<void> {
    const { catalog, lock } = this.#parts;
    for (const name of catalog.unreadableNames()) await lock.run(name, () => catalog.forgetUnreadable(name));
  }

  readonly #spend: Pacing = async (bytes) => {
    await this.#pace.spend(bytes);
    if (this.#options.signal.aborted) throw new BrokenOff();
  };

  async #keepCursor(): Promise<void> {
    this.#keptMs = this.#timing.now();
    await this.#parts.catalog.putSetting(CURSOR, Buffer.from(this.#cursor));
  }
}
