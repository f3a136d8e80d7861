/**
 * What must not outlive the process that runs the tests, however that ends: processes and directories. A test cleans
 * up after itself; this is for the cases in which it cannot. Children that serve watch a pipe to this process besides
 * (see service.ts), so that they end even when this one is killed.
 */

import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const children = new Set<ChildProcess>();
const directories = new Set<string>();
let guarding = false;

function endAll(): void {
  for (const child of children) child.kill('SIGKILL');
  for (const path of directories) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
}

function guard(): void {
  if (guarding) return;
  guarding = true;
  process.once('exit', endAll);
  for (const name of SIGNALS) {
    process.once(name, () => {
      endAll();
      // The handler is gone by now, so that this one ends the process.
      process.kill(process.pid, name);
    });
  }
}

/** Kills the child when this process ends before it. */
export function guardChild(child: ChildProcess): void {
  guard();
  children.add(child);
  child.once('exit', () => children.delete(child));
}

/** A directory below the system's temporary one; removed by `removeDirectory`, at the latest when this process ends. */
export async function temporaryDirectory(title: string): Promise<string> {
  guard();
  const path = await mkdtemp(join(tmpdir(), `p2p-e2e-${title}-`));
  directories.add(path);
  return path;
}

export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5 });
  directories.delete(path);
}
