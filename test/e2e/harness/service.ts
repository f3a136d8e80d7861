/**
 * A peer or a discovery peer as a process of its own, over a directory of its own, which can be stopped, killed, halted
 * and started again. What it logs is kept. It ends with the process that started it, even if that is killed: it watches
 * the pipe through which launchers of bin/ watch over what they started.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { guardChild } from './clean-up.ts';
import { environment, ROOT, type CommandName } from './command.ts';
import { within } from './until.ts';

/** Machines that are busy with other things take their time. */
const READY_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 20_000;
const KIB = 1024;

/** The line that `start --json` prints. */
export type Ready = {
  readonly event: 'ready';
  /** Of peers. */
  readonly nodeId: string;
  readonly peerId: string;
  readonly addrs: readonly string[];
  readonly storage: string;
};

export type End = { readonly status: number | null; readonly signal: NodeJS.Signals | null };

export type ServiceOptions = {
  readonly command: Extract<CommandName, 'p2p-discovery' | 'p2p-peer'>;
  /** After `start --json`. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** For messages. */
  readonly title: string;
};

export class Service {
  readonly title: string;
  readonly #options: ServiceOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<End> | undefined;
  #ready: Ready | undefined;
  #log = '';
  /** Where the log of the present run begins. */
  #runBegins = 0;

  constructor(options: ServiceOptions) {
    this.title = options.title;
    this.#options = options;
  }

  /** Starts it, again if need be, and waits until it is ready. @throws Error with what it said when it does not get there */
  async start(moreArgs: readonly string[] = []): Promise<Ready> {
    if (this.running) throw new Error(`${this.title} runs already`);
    const { command, args, env } = this.#options;
    const child = spawn(process.execPath, [join(ROOT, 'bin', command), 'start', '--json', ...args, ...moreArgs], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: environment({ ...env, P2P_LAUNCHER_FD: '3' }),
    });
    guardChild(child);
    child.stdio[3]?.on('error', () => undefined);
    this.#child = child;
    this.#runBegins = this.#log.length;
    this.#ended = once(child, 'exit').then(([status, signal]) => ({
      status: status as number | null,
      signal: signal as NodeJS.Signals | null,
    }));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#log += text));
    const line = firstLine(child);
    const failed = this.#ended.then((end) => {
      throw new Error(`${this.title} ended (${JSON.stringify(end)}) before it was ready:\n${this.#log}`);
    });
    failed.catch(() => undefined); // It ends some day; that is no failure once it was ready.
    const text = await within(`the start of ${this.title}`, Promise.race([line, failed]), READY_TIMEOUT_MS, () => {
      child.kill('SIGKILL');
      return this.#log;
    });
    this.#ready = JSON.parse(text) as Ready;
    return this.#ready;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it said when it was ready the last time. */
  get ready(): Ready {
    if (this.#ready === undefined) throw new Error(`${this.title} was never ready`);
    return this.#ready;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined || !this.running) throw new Error(`${this.title} does not run`);
    return pid;
  }

  get port(): number {
    return Number(/\/tcp\/(\d+)/.exec(this.ready.addrs[0] ?? '')?.[1]);
  }

  /** Everything it wrote to stderr so far, in all its runs. */
  get log(): string {
    return this.#log;
  }

  /** The same of the present run. */
  get runLog(): string {
    return this.#log.slice(this.#runBegins);
  }

  /** How often a text, an error code say, stands in its log. */
  logged(text: string): number {
    return this.#log.split(text).length - 1;
  }

  /** Halts it as if the machine slept. */
  halt(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  goOn(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** In order, as a person would. */
  async stop(): Promise<End> {
    return this.#end('SIGTERM');
  }

  /** Without warning. */
  async kill(): Promise<End> {
    return this.#end('SIGKILL');
  }

  /** When it ends by itself. */
  async ended(): Promise<End> {
    if (this.#ended === undefined) throw new Error(`${this.title} was never started`);
    return within(`the end of ${this.title}`, this.#ended, END_TIMEOUT_MS);
  }

  /** Resident memory now, in bytes. */
  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${String(this.pid)}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * KIB;
  }

  async #end(signal: NodeJS.Signals): Promise<End> {
    const ended = this.#ended;
    if (ended === undefined || this.#child === undefined) return { status: null, signal: null };
    if (this.running) this.#child.kill(signal);
    return within(`the end of ${this.title}`, ended, END_TIMEOUT_MS, () => {
      this.#child?.kill('SIGKILL');
      return this.#log;
    });
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (data: string) => {
      text += data;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
  });
}
