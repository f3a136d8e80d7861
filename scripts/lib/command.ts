/** The project's own commands, run as a person runs them: bin/ under this Node, one process each, --json read back. */

import type { FetchReceipt, StoreReceipt } from '../../src/client/types.ts';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Child, type ChildOptions } from './child.ts';
import { ROOT } from './scratch.ts';

export type CommandName = 'p2p-discovery' | 'p2p-peer' | 'store-file' | 'fetch-file';

/** What fetch-file --json prints. */
export type FetchLine = FetchReceipt & { readonly out: string };
export type StoreLine = StoreReceipt;
export type ErrorLine = { readonly error: { readonly code: string; readonly message: string; readonly name?: string } };

export type Finished<T> = {
  readonly status: number;
  readonly lines: readonly (T | ErrorLine)[];
  readonly stderr: string;
  /** Of the whole process. */
  readonly wallMs: number;
};

/** It watches a pipe to this process, as under an older Node's launcher, so that it ends even when this one is killed. */
function startCommand(name: CommandName, args: readonly string[], options: ChildOptions = {}): Child {
  const child = new Child(process.execPath, [join(ROOT, 'bin', name), ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    ...options,
    env: { ...options.env, P2P_LAUNCHER_FD: '3' },
  });
  child.process.stdio[3]?.on('error', () => undefined);
  return child;
}

/** Runs a command with --json to its end. */
export async function runJson<T>(
  name: CommandName,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Finished<T>> {
  const startedAt = performance.now();
  const child = startCommand(name, ['--json', ...args], { env });
  const output = await text(child.stdout);
  const status = await child.ended;
  const wallMs = performance.now() - startedAt;
  const lines = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T | ErrorLine);
  return { status, lines, stderr: child.stderr, wallMs };
}

/** The results of a command that must succeed. @throws Error with what it said otherwise */
export function results<T extends object>(name: CommandName, finished: Finished<T>): T[] {
  const done: T[] = [];
  for (const line of finished.lines) {
    if ('error' in line) throw new Error(`${name}: ${line.error.code}: ${line.error.message}`);
    done.push(line);
  }
  if (finished.status !== 0) throw new Error(`${name} ended with status ${finished.status}\n${finished.stderr}`);
  return done;
}
