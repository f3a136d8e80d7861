/**
 * The project's commands as processes: the files of bin/ under the Node that runs this, in an environment without
 * any of the project's own variables but those given.
 */

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { guardChild } from './clean-up.ts';
import { within } from './until.ts';

export const ROOT = join(import.meta.dirname, '..', '..', '..');
const TIMEOUT_MS = 90_000;

export type CommandName = 'p2p-discovery' | 'p2p-peer' | 'store-file' | 'fetch-file';

export type CommandOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Given to the command at once, and ended. Without it stdin is empty; `startCommand` leaves it open. */
  readonly stdin?: string | Uint8Array;
  readonly timeoutMs?: number;
};

export type Finished = {
  /** Null after a signal that the process did not handle. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** The lines of stdout, each one parsed. @throws SyntaxError when there is anything else on stdout */
  json<T = JsonLine>(): T[];
};

export type PeerName = { readonly nodeId: string; readonly peerId: string };

/** Whatever a command prints; a test knows what it asked for. */
export type JsonLine = {
  readonly event: string;
  readonly name: string;
  readonly key: string;
  readonly version: string;
  readonly size: number;
  readonly sha256: string;
  readonly root: PeerName;
  readonly from: PeerName;
  readonly replicas: readonly PeerName[];
  readonly path: readonly string[];
  readonly hops: number;
  readonly out: string;
  readonly error: { readonly code: string; readonly message: string; readonly name?: string };
};

/** The environment for a child: this one's, without the project's variables, without colours, with a shared code cache. */
export function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(P2P_|NODE_|VITEST|FORCE_COLOR)/.test(name));
  return {
    ...Object.fromEntries(inherited),
    NO_COLOR: '1',
    NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/p2p-file-store-e2e'),
    ...more,
  };
}

export class RunningCommand {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #title: string;
  readonly #stdout: Buffer[] = [];
  #stderr = '';
  readonly #finished: Promise<Finished>;

  constructor(name: CommandName, args: readonly string[], options: CommandOptions) {
    this.#title = [name, ...args].join(' ').slice(0, 200);
    const env = environment(options.env);
    this.child = spawn(process.execPath, [join(ROOT, 'bin', name), ...args], { cwd: options.cwd, env });
    guardChild(this.child);
    this.child.stdin.on('error', () => undefined); // A command that ended does not read on.
    this.child.stdout.on('data', (data: Buffer) => this.#stdout.push(data));
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#finished = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (status, signal) => {
        resolve(finished(status, signal, Buffer.concat(this.#stdout), this.#stderr));
      });
    });
    this.#finished.catch(() => undefined); // Whoever asks for the end gets the error.
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.#title} could not be started`);
    return this.child.pid;
  }

  /** What came on stdout so far. */
  get stdoutBytes(): number {
    return this.#stdout.reduce((sum, { length }) => sum + length, 0);
  }

  /** What was said on stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Its end. Killed when that takes too long. */
  async end(timeoutMs = TIMEOUT_MS): Promise<Finished> {
    return within(this.#title, this.#finished, timeoutMs, () => {
      this.child.kill('SIGKILL');
      return this.#stderr;
    });
  }
}

function finished(status: number | null, signal: NodeJS.Signals | null, stdout: Buffer, stderr: string): Finished {
  const json = <T>(): T[] =>
    stdout
      .toString()
      .split('\n')
      .filter((line, index, lines) => line !== '' || index < lines.length - 1)
      .map((line) => JSON.parse(line) as T);
  return { status, signal, stdout, stderr, json };
}

/** Starts a command and leaves its stdin to the caller. */
export function startCommand(name: CommandName, args: readonly string[], options: CommandOptions = {}): RunningCommand {
  return new RunningCommand(name, args, options);
}

/** Runs a command to its end. */
export function runCommand(
  name: CommandName,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Finished> {
  const command = startCommand(name, args, options);
  command.child.stdin.end(options.stdin);
  return command.end(options.timeoutMs);
}
