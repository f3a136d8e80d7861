/** `p2p-peer status`, `verify` and `leave`: arguments and help. The work is in peer-local.ts, loaded when needed. */

import type { Command } from 'commander';
import { statusTable } from './exit-status.ts';
import { jsonOption, option, storageOption } from './options.ts';
import type { LocalOptions } from './peer-local.ts';
import { action } from './run.ts';

const STORAGE = 'the directory of the peer that is meant';

const STATUS_HELP = `
Examples:
  p2p-peer status
  p2p-peer status --storage /srv/p2p --json

${statusTable([0, 1, 2, 6, 9])}`;

const VERIFY_HELP = `
The peer reads its copies and holds them against what their owners have signed. Nothing is changed.

Examples:
  p2p-peer verify
  p2p-peer verify holidays/beach.jpg --storage /srv/p2p

${statusTable([0, 1, 2, 3, 5, 6, 9, 130])}`;

const LEAVE_HELP = `
The peer hands its files over to others and leaves the network for good; it ends when that is done.
Ctrl-C calls it off, and the peer stays. To stop a peer for a while, end it with SIGTERM or Ctrl-C.

Examples:
  p2p-peer leave --storage /srv/p2p

${statusTable([0, 1, 2, 4, 6, 9, 130])}`;

export function addLocalCommands(program: Command): void {
  program
    .command('status')
    .description('say how the peer of this machine is doing')
    .addOption(storageOption(STORAGE))
    .addOption(jsonOption())
    .addHelpText('after', STATUS_HELP)
    .action(
      action(async (options: LocalOptions) => {
        const { showStatus } = await import('./peer-local.ts');
        return showStatus(options);
      }),
    );
  program
    .command('verify')
    .description('have the peer of this machine check its copies')
    .argument('[name]', 'one file only')
    .addOption(storageOption(STORAGE))
    .addOption(jsonOption())
    .addOption(option('--quiet', 'say nothing but errors'))
    .addHelpText('after', VERIFY_HELP)
    .action(
      action(async (name: string | undefined, options: LocalOptions) => {
        const { verify } = await import('./peer-local.ts');
        return verify(name, options);
      }),
    );
  program
    .command('leave')
    .description('have the peer of this machine hand its files over and leave for good')
    .addOption(storageOption(STORAGE))
    .addOption(jsonOption())
    .addOption(option('--quiet', 'say nothing but errors'))
    .addHelpText('after', LEAVE_HELP)
    .action(
      action(async (options: LocalOptions) => {
        const { leave } = await import('./peer-local.ts');
        return leave(options);
      }),
    );
}
