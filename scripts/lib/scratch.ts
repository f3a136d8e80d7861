/**
 * A directory for one run, and the clean-up at its end, however that comes: done, failed, Ctrl-C. What was begun is
 * ended last first; a second signal does not cut it short, for what is left behind would be found by the next run.
 * It lies on the disk of the project, not in a directory that may be memory, because durable writes are measured.
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

const STATUS_INTERRUPTED = 130;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export class Scratch {
  readonly path: string;
  /** Aborted by a signal to this process. */
  readonly signal: AbortSignal;
  readonly #steps: (() => Promise<unknown>)[] = [];

  private constructor(path: string, signal: AbortSignal) {
    this.path = path;
    this.signal = signal;
    this.defer(() => rm(path, { recursive: true, force: true }));
  }

  static async make(name: string, signal: AbortSignal): Promise<Scratch> {
    const parent = join(ROOT, 'storage');
    await mkdir(parent, { recursive: true });
    return new Scratch(await mkdtemp(join(parent, `.${name}-`)), signal);
  }

  /** To be done at the end, before what was deferred earlier. */
  defer(step: () => Promise<unknown>): void {
    this.#steps.push(step);
  }

  file(...names: string[]): string {
    return join(this.path, ...names);
  }

  async clean(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) await step();
  }
}

/**
 * Runs a program in a scratch directory and ends the process with the status that it gives: 1 when it throws, with
 * the message on stderr, 130 when a signal came.
 */
export async function runInScratch(name: string, program: (scratch: Scratch) => Promise<number>): Promise<void> {
  const interrupted = new AbortController();
  for (const signal of SIGNALS)
    process.on(signal, () => {
      interrupted.abort(new Error('interrupted'));
    });
  const scratch = await Scratch.make(name, interrupted.signal);
  let status = 1;
  try {
    status = await Promise.race([program(scratch), rejection(interrupted.signal)]);
  } catch (error) {
    if (!interrupted.signal.aborted) {
      process.stderr.write(`\n${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    }
  }
  await scratch.clean();
  if (interrupted.signal.aborted) process.stderr.write(`\n${name}: interrupted, cleaned up\n`);
  process.exit(interrupted.signal.aborted ? STATUS_INTERRUPTED : status);
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}
