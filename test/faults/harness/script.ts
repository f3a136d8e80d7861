/**
 * A process that a test kills or cuts the power of: a TypeScript file of this folder under the Node that runs this. It says
 * `ready` when it is loaded and begins when it is told to, so that a tracer can come in between.
 */

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { guardChild } from '../../e2e/harness/clean-up.ts';
import { environment } from '../../e2e/harness/command.ts';
import { within } from '../../e2e/harness/until.ts';

const FLAGS = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];
const END_TIMEOUT_MS = 60_000;

export type ScriptOptions = { readonly oneThread?: boolean; readonly onLine?: (line: string) => void };
export type ScriptEnd = { readonly status: number | null; readonly signal: NodeJS.Signals | null };

export class Script {
  /** Whole lines of stdout so far, the first one excepted. */
  readonly lines: string[] = [];
  readonly #title: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ready = Promise.withResolvers<undefined>();
  readonly #ended: Promise<ScriptEnd>;
  #rest = '';
  #stderr = '';

  /** @param options.oneThread for all calls to the file system, so that they can be counted */
  constructor(file: string, args: readonly string[], options: ScriptOptions = {}) {
    this.#title = [file, ...args].join(' ');
    this.#child = spawn(process.execPath, [...FLAGS, join(import.meta.dirname, '..', file), ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: environment(options.oneThread === true ? { UV_THREADPOOL_SIZE: '1' } : {}),
    });
    guardChild(this.#child);
    this.#child.stdin.on('error', () => undefined); // It may have been killed.
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#take(text, options.onLine));
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (status, signal) => {
        resolve({ status, signal });
        this.#ready.reject(new Error(`${this.#title} ended before it was ready: ${this.#stderr}`));
      });
    });
    this.#ready.promise.catch(() => undefined); // Whoever waits for it gets the error.
    this.#ended.catch(() => undefined);
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#title} could not be started`);
    return this.#child.pid;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** It is loaded, and waits for `go`. */
  async ready(): Promise<void> {
    await within(`the start of ${this.#title}`, this.#ready.promise, END_TIMEOUT_MS, () => this.#kill());
  }

  go(): void {
    this.#child.stdin.end('go\n');
  }

  /** All that it said is in `lines` then. */
  end(): Promise<ScriptEnd> {
    return within(`the end of ${this.#title}`, this.#ended, END_TIMEOUT_MS, () => this.#kill());
  }

  async kill(): Promise<ScriptEnd> {
    this.#kill();
    return this.end();
  }

  #kill(): string {
    this.#child.kill('SIGKILL');
    return this.#stderr;
  }

  #take(text: string, onLine?: (line: string) => void): void {
    const [first = '', ...more] = (this.#rest + text).split('\n');
    const lines = [first, ...more];
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === 'ready') this.#ready.resolve(undefined);
      else {
        this.lines.push(line);
        onLine?.(line);
      }
    }
  }
}
