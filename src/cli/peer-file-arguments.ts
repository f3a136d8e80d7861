/** `p2p-peer ls`, `stat`, `rm` and `explain`: arguments and help. The work is in peer-files.ts, loaded when needed. */

import type { Command } from 'commander';
import { statusTable } from './exit-status.ts';
import { clientOptions, option, type ClientOptions } from './options.ts';
import type { ListingOptions } from './peer-files.ts';
import { action } from './run.ts';

const LS_HELP = `
Names come in the order of their bytes, one a line. A peer that does not answer is named in a warning:
what only that one has is missing.

Examples:
  p2p-peer ls
  p2p-peer ls -l holidays/
  p2p-peer ls --json | jq -r 'select(.size > 1e9) | .name'

${statusTable([0, 1, 2, 6, 130])}`;

const STAT_HELP = `
Examples:
  p2p-peer stat report.pdf
  p2p-peer stat report.pdf --json | jq -r .version     for store-file --if-version

${statusTable([0, 1, 2, 3, 6, 130])}`;

const RM_HELP = `
A removal is signed with your client key: only the owner of a file can remove it.

Examples:
  p2p-peer rm report.pdf draft.txt
  p2p-peer rm -- -odd-name

${statusTable([0, 1, 2, 3, 6, 8, 9, 10, 130])}`;

const EXPLAIN_HELP = `
It tells the name's key, the way a lookup takes with each peer's round trip, the peers that are to hold
the file (the closest to the key), which version each of them has, and other names on the same key.

Examples:
  p2p-peer explain report.pdf
  p2p-peer explain report.pdf --json | jq '.holders[] | {nodeId, state, version}'

${statusTable([0, 1, 2, 6, 130])}`;

export function addFileCommands(program: Command): void {
  const ls = program
    .command('ls')
    .description('list the files of the network')
    .argument('[prefix]', 'only names that begin so', '')
    .addOption(option('-l, --long', 'with size, version and owner'))
    .addHelpText('after', LS_HELP)
    .action(
      action(async (prefix: string, options: ListingOptions) => {
        const { listNames } = await import('./peer-files.ts');
        return listNames(prefix, options);
      }),
    );
  const stat = program
    .command('stat')
    .description('tell what is known of a file')
    .argument('<name>', 'as it was stored')
    .addHelpText('after', STAT_HELP)
    .action(
      action(async (name: string, options: ClientOptions) => {
        const { showFile } = await import('./peer-files.ts');
        return showFile(name, options);
      }),
    );
  const rm = program
    .command('rm')
    .description('remove files from the network')
    .argument('<name...>', 'as they were stored')
    .addHelpText('after', RM_HELP)
    .action(
      action(async (names: string[], options: ClientOptions) => {
        const { removeFiles } = await import('./peer-files.ts');
        return removeFiles(names, options);
      }),
    );
  const explain = program
    .command('explain')
    .description('tell why a file lies where it lies')
    .argument('<name>', 'stored or not')
    .addHelpText('after', EXPLAIN_HELP)
    .action(
      action(async (name: string, options: ClientOptions) => {
        const { explain } = await import('./peer-files.ts');
        return explain(name, options);
      }),
    );
  // A listing may lack something and still end well, so warnings are part of it.
  for (const shared of clientOptions('warn')) ls.addOption(shared);
  for (const command of [stat, rm, explain]) for (const shared of clientOptions()) command.addOption(shared);
}
