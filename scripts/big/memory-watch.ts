/**
 * The resident memory of processes, from /proc: sampled while they run, and the kernel's own high-water mark, which
 * misses no peak. The mark of a process that goes on living is reset when a watch begins.
 */

import { readFileSync, writeFileSync } from 'node:fs';

const SAMPLE_EVERY_MS = 50;
/** What the kernel calls resetting the high-water mark: see proc(5), clear_refs. */
const RESET_HIGH_WATER_MARK = '5';

export type Memory = {
  /** Bytes. */
  readonly peak: number;
  /** Bytes: the median of the samples. */
  readonly usual: number;
};

export class MemoryWatch {
  readonly #status: string;
  readonly #samples: number[] = [];
  readonly #timer: NodeJS.Timeout;
  #peak = 0;

  constructor(pid: number) {
    this.#status = `/proc/${pid}/status`;
    writeFileSync(`/proc/${pid}/clear_refs`, RESET_HIGH_WATER_MARK);
    this.#timer = setInterval(() => {
      this.#sample();
    }, SAMPLE_EVERY_MS);
  }

  end(): Memory {
    this.#sample();
    clearInterval(this.#timer);
    const sorted = this.#samples.sort((a, b) => a - b);
    return { peak: this.#peak, usual: sorted[sorted.length >> 1] ?? 0 };
  }

  /** A process that has ended has no status, or one without memory: then the last sample stands. */
  #sample(): void {
    let text: string;
    try {
      text = readFileSync(this.#status, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return;
      throw error;
    }
    const bytesOf = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024;
    this.#peak = Math.max(this.#peak, bytesOf('VmHWM'));
    if (bytesOf('VmRSS') > 0) this.#samples.push(bytesOf('VmRSS'));
  }
}
