/** `p2p-peer identity …`: arguments and help. The work is in peer-identity.ts, loaded when it is needed. */

import type { Command } from 'commander';
import { statusTable } from './exit-status.ts';
import { identityOptions, jsonOption, option } from './options.ts';
import type { IdentityOptions } from './peer-identity.ts';
import { action } from './run.ts';

const HELP = `
The client key makes you the owner of what you store. It lies in your configuration folder, and is made
when it is first needed. Whoever has it is you: keep copies of it where only you can read them.

Examples:
  p2p-peer identity show
  p2p-peer identity export my.key                  a copy, for another machine or the safe
  p2p-peer identity import my.key                  there, to be the same person
  p2p-peer identity export - | ssh other p2p-peer identity import -
  p2p-peer identity new robot.key                  a key for somebody else …
  store-file --identity robot.key report.pdf       … and how to act with it

${statusTable([0, 1, 2])}`;

export function addIdentityCommands(program: Command): void {
  const identity = program.command('identity').description('look after the client key, which owns what you store');
  identity.addHelpText('after', HELP);
  const commands = [
    identity
      .command('show')
      .description('tell who you are, and where your key lies')
      .action(
        action(async (options: IdentityOptions) => {
          const { showIdentity } = await import('./peer-identity.ts');
          return showIdentity(options);
        }),
      ),
    identity
      .command('export')
      .description('write a copy of your key')
      .argument('[file]', 'a new file, or - for stdout', '-')
      .action(
        action(async (file: string, options: IdentityOptions) => {
          const { exportIdentity } = await import('./peer-identity.ts');
          return exportIdentity(file, options);
        }),
      ),
    identity
      .command('import')
      .description('make a key your own')
      .argument('<file>', 'as export has written it, or - for stdin')
      .addOption(option('--force', 'take the place of another key, which is kept beside it'))
      .action(
        action(async (file: string, options: IdentityOptions) => {
          const { importIdentity } = await import('./peer-identity.ts');
          return importIdentity(file, options);
        }),
      ),
    identity
      .command('new')
      .description('make a new key in a file of its own')
      .argument('<file>', 'a new file')
      .action(
        action(async (file: string, options: IdentityOptions) => {
          const { newIdentity } = await import('./peer-identity.ts');
          return newIdentity(file, options);
        }),
      ),
  ];
  for (const command of commands) for (const shared of [...identityOptions(), jsonOption()]) command.addOption(shared);
}
