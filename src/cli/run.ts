/**
 * Runs a command line: parses, lets the chosen action work, and ends the process with the right status. Actions
 * are loaded when they are chosen, so that `--help` stays fast. The process is ended explicitly, for a connection
 * that lingers must not keep a finished command alive.
 */

import { CommanderError, type Command } from 'commander';
import { InvariantError } from '../base/assert.ts';
import { UsageError } from '../base/errors.ts';
import { VERSION } from '../base/version.ts';
import { STATUS_DONE, STATUS_INTERRUPTED, STATUS_USAGE } from './exit-status.ts';
import { createOutput, endWhenOutputFails, flushOutput } from './output.ts';

/** What an action ends with: the exit status. */
export type Action = Promise<number>;

let status: number = STATUS_DONE;

/** Wraps an action for commander, which drops what an action returns. */
export function action<A extends unknown[]>(act: (...args: A) => Action): (...args: A) => Promise<void> {
  return async (...args) => {
    status = await act(...args);
  };
}

function configure(command: Command): void {
  command
    .version(VERSION, '--version', 'print the version')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ writeErr() {}, outputError() {} });
  for (const child of command.commands) configure(child);
}

function onParseError(program: Command, error: unknown, argv: readonly string[]): number {
  // The options of `p2p-peer start` stand in its own help.
  const first = argv.slice(2).find((argument) => !argument.startsWith('-'));
  const chosen = program.commands.find((command) => command.name() === first);
  const output = createOutput([program.name(), chosen?.name()].filter((word) => word !== undefined).join(' '), {
    json: argv.includes('--json') || 'P2P_JSON' in process.env,
  });
  if (error instanceof InvariantError) throw error;
  if (!(error instanceof CommanderError)) return output.failure(error);
  if (error.exitCode === 0) return STATUS_DONE;
  if (error.code === 'commander.help') {
    process.stderr.write((chosen ?? program).helpInformation());
    return STATUS_USAGE;
  }
  return output.failure(new UsageError(error.message.replace(/^error: /, '')));
}

export async function run(program: Command): Promise<void> {
  endWhenOutputFails(program.name());
  configure(program);
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    status = onParseError(program, error, process.argv);
  }
  // Whoever interrupts a command may have done so because nobody reads what it writes.
  if (status !== STATUS_INTERRUPTED) await flushOutput();
  process.exit(status);
}
