/**
 * Processes that a script starts. Each one is remembered until it has ended, so that none outlives the script: the
 * last resort is a kill when the script itself exits. Output is kept, the end of it shown when something fails.
 */

import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

const STDERR_CHARS_KEPT = 4_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export type ChildOptions = {
  readonly env?: NodeJS.ProcessEnv;
  readonly stdio?: StdioOptions;
  readonly cwd?: string;
};

export class Child {
  readonly process: ChildProcess;
  /** The exit status, or 128 and something after a signal. */
  readonly ended: Promise<number>;
  readonly #name: string;
  #stderr = '';

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    this.#name = [command, ...args]
      .map((word) => word.split('/').at(-1))
      .slice(0, 4)
      .join(' ');
    this.process = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.process);
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARS_KEPT);
    });
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('close', (status, signal) => {
        running.delete(this.process);
        resolve(status ?? (signal === 'SIGKILL' ? 137 : 143));
      });
    });
    this.ended.catch(() => undefined); // Whoever waits for the end gets the error.
  }

  get pid(): number {
    if (this.process.pid === undefined) throw new Error(`${this.#name} could not be started`);
    return this.process.pid;
  }

  get alive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  get stdout(): Readable {
    if (this.process.stdout === null) throw new Error(`the output of ${this.#name} is not read here`);
    return this.process.stdout;
  }

  /** What it said on stderr last. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The first line of stdout. @throws Error when the process ends without one, or it takes too long */
  async firstLine(timeoutMs: number): Promise<string> {
    let text = '';
    const signal = AbortSignal.timeout(timeoutMs);
    this.stdout.setEncoding('utf8');
    while (!text.includes('\n')) {
      const more = await Promise.race([
        once(this.stdout, 'data', { signal }).then(([data]) => String(data)),
        this.ended.then((status) => {
          throw this.error(`ended with status ${status} before it was ready`);
        }),
      ]).catch((error: unknown) => {
        throw signal.aborted ? this.error(`was not ready within ${timeoutMs} ms`) : error;
      });
      text += more;
    }
    this.stdout.resume();
    return text.slice(0, text.indexOf('\n'));
  }

  error(what: string): Error {
    return new Error(`${this.#name} ${what}${this.#stderr === '' ? '' : `\n${this.#stderr}`}`);
  }

  /** Sends a signal and waits for the end. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number> {
    if (this.alive) this.process.kill(signal);
    return this.ended;
  }
}
