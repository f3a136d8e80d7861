/** What holds for every command that fails: one status, one code, and words in their right places, with --json and without. */

import { expect } from 'vitest';
import type { CommandName, CommandOptions, Finished, JsonLine, RunningCommand } from './harness/command.ts';
import type { Network, Peer } from './harness/network.ts';
import { until } from './harness/until.ts';

export type Failing = { readonly status: number; readonly code: string };

/** With --json: the lines of stdout, of which one is the error, and nothing on stderr. */
export function expectJsonFailure(finished: Finished, { status, code }: Failing): JsonLine[] {
  expect({ status: finished.status, signal: finished.signal, stderr: finished.stderr }).toEqual({
    status,
    signal: null,
    stderr: '',
  });
  const lines = finished.json();
  const errors = lines.filter((line) => 'error' in line);
  expect(errors.map(({ error }) => error.code)).toEqual([code]);
  expect(errors[0]?.error.message).toMatch(/\S/);
  return lines;
}

/** Without: words for people on stderr. */
export function expectPlainFailure(command: CommandName, finished: Finished, { status }: Failing): void {
  expect({ status: finished.status, signal: finished.signal }, finished.stderr).toEqual({ status, signal: null });
  expect(finished.stderr).toContain(`${command}: error: `);
}

/** Runs a command that fails, both ways. @returns what it printed with --json */
export async function expectFailure(
  network: Network,
  command: CommandName,
  args: readonly string[],
  failing: Failing,
  options: CommandOptions = {},
): Promise<JsonLine[]> {
  const [json, plain] = await Promise.all([
    network.run(command, ['--json', ...args], options),
    network.run(command, args, options),
  ]);
  expectPlainFailure(command, plain, failing);
  expect(plain.stdout.length).toBe(0);
  return expectJsonFailure(json, failing);
}

export type BothWays = readonly [json: RunningCommand, plain: RunningCommand];

/** Starts a command with --json and without. */
export function beginBothWays(network: Network, command: CommandName, json: readonly string[], plain = json): BothWays {
  return [network.begin(command, ['--json', ...json]), network.begin(command, plain)];
}

export async function expectBothFail(command: CommandName, [json, plain]: BothWays, failing: Failing): Promise<void> {
  const [first, second] = await Promise.all([json.end(), plain.end()]);
  expectJsonFailure(first, failing);
  expectPlainFailure(command, second, failing);
}

/** Stores from a pipe that stays open, up to the moment at which the root has begun to stage it; `content` takes several chunks. */
export async function beginStore(
  running: RunningCommand,
  root: Peer,
  content: Uint8Array,
  stagedBefore: number,
): Promise<void> {
  running.child.stdin.write(content);
  await until('the root stages it', async () => (await root.staged()).length > stagedBefore);
}
