/**
 * Watches the system calls of a running process, and has one of them fail or kill it, by strace. A count of calls begins
 * when strace comes in, and is one thread's: so calls are told apart by thread, and only one thread is watched where one
 * of its calls is meant.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { guardChild, removeDirectory, temporaryDirectory } from '../../e2e/harness/clean-up.ts';
import { until, within } from '../../e2e/harness/until.ts';

/** All that changes a file system, or makes a change durable. */
export const CHANGING_CALLS = [
  ...['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2', 'ftruncate', 'truncate', 'fallocate'],
  ...['fsync', 'fdatasync', 'sync', 'syncfs', 'sync_file_range', 'msync'],
  ...['rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'rmdir', 'link', 'linkat', 'symlink', 'symlinkat'],
  ...['open', 'openat', 'creat', 'mkdir', 'mkdirat', 'copy_file_range', 'sendfile'],
];
/** How much of what is written is shown: enough for a line that says what was done. */
const SHOWN_CHARS = 4096;
const END_TIMEOUT_MS = 20_000;

export type TracedCall = {
  /** Of the thread, where all of them were watched. */
  readonly tid: number | undefined;
  readonly call: string;
  readonly args: string;
  /** The files that it is about, in its order. */
  readonly paths: readonly string[];
};

export type TraceOptions = {
  readonly calls: readonly string[];
  /** As strace wants it, without the name of the call: `signal=SIGKILL:when=3`. It concerns each of the calls. */
  readonly inject?: string;
  /** Only calls about this file are seen, counted and tampered with. */
  readonly path?: string;
};

/** The threads of a process: id by name. Those with one name follow one another by id. */
export async function threadsOf(pid: number): Promise<{ tid: number; name: string }[]> {
  const tasks = `/proc/${String(pid)}/task`;
  const tids = (await readdir(tasks)).map(Number).toSorted((a, b) => a - b);
  return Promise.all(
    tids.map(async (tid) => ({ tid, name: (await readFile(`${tasks}/${String(tid)}/comm`, 'utf8')).trim() })),
  );
}

/** The only thread that a process makes its file system calls on, when it was started with UV_THREADPOOL_SIZE=1. */
export async function fileThreadOf(pid: number): Promise<number> {
  const found = (await threadsOf(pid)).filter(({ name }) => name === 'libuv-worker');
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`${String(found.length)} threads make file system calls`);
  return only.tid;
}

export class Strace {
  readonly #child: ChildProcess;
  readonly #dir: string;
  #messages = '';

  private constructor(child: ChildProcess, dir: string) {
    this.#child = child;
    this.#dir = dir;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#messages += text));
  }

  /** Resolves when it watches: one thread, or with `all` every thread of the process, those to come included. */
  static async attach(id: number, watched: 'one' | 'all', { calls, inject, path }: TraceOptions): Promise<Strace> {
    const dir = await temporaryDirectory('strace');
    const set = calls.join(',');
    const args = ['-y', '-s', String(SHOWN_CHARS), '-o', join(dir, 'trace'), '-e', `trace=${set}`];
    if (inject !== undefined) args.push('-e', `inject=${set}:${inject}`);
    if (path !== undefined) args.push('-P', path);
    if (watched === 'all') args.push('-f');
    const child = spawn('strace', [...args, '-p', String(id)], { stdio: ['ignore', 'ignore', 'pipe'] });
    guardChild(child);
    const strace = new Strace(child, dir);
    await until('strace watches', () => {
      if (child.exitCode !== null) throw new Error(`strace ended: ${strace.#messages}`);
      return strace.#messages.includes('attached');
    });
    return strace;
  }

  /** Lets the process go on by itself. @returns what was seen */
  detach(): Promise<TracedCall[]> {
    this.#child.kill('SIGINT');
    return this.end();
  }

  /** Waits for the end of a process that was killed, or ends by itself. @returns what was seen */
  async end(): Promise<TracedCall[]> {
    const running = this.#child.exitCode === null && this.#child.signalCode === null;
    const ended: Promise<unknown> = running ? once(this.#child, 'exit') : Promise.resolve();
    await within('the end of strace', ended, END_TIMEOUT_MS, () => {
      this.#child.kill('SIGKILL');
      return this.#messages;
    });
    const text = await readFile(join(this.#dir, 'trace'), 'utf8');
    await removeDirectory(this.#dir);
    return text.split('\n').flatMap(callOf);
  }
}

/** A line of a trace, if it is the beginning of a call. */
function callOf(line: string): TracedCall[] {
  const found = /^(?:(\d+) +)?([a-z_0-9]+)\((.*)$/.exec(line);
  if (found === null) return [];
  const [, tid, call = '', args = ''] = found;
  const descriptor = /^\d+<([^>]*)>/.exec(args)?.[1];
  const named = [...args.matchAll(/"([^"]*)"/g)].map(([, path = '']) => path);
  const paths = descriptor === undefined ? named : [descriptor];
  return [{ tid: tid === undefined ? undefined : Number(tid), call, args, paths }];
}
