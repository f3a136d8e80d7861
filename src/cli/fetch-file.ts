/** The `fetch-file` command: its arguments and its help. The work is in fetch-files.ts, loaded when it is needed. */

import { Command } from 'commander';
import { BATCH_HELP } from './batch-help.ts';
import { statusTable } from './exit-status.ts';
import type { FetchFileOptions } from './fetch-files.ts';
import { clientOptions, option } from './options.ts';
import { action, run } from './run.ts';

const HELP = `
Without --out a file goes to the last component of its name in the current directory. Into a
directory, and with -r or several names, each file goes under its whole name, made safe: a name
never leads out of the directory. Nothing is replaced without --overwrite.
Every option has a twin in the environment: --discovery is P2P_DISCOVERY, --json is P2P_JSON.

Examples:
  fetch-file report.pdf --discovery /ip4/192.168.1.5/tcp/4100/p2p/12D3KooW…
  fetch-file report.pdf --out /tmp/copy.pdf
  fetch-file src.tar --out - | tar x      to a pipe
  fetch-file -r photos/ --out backup      everything below photos/, into backup/photos/
  fetch-file --batch jobs.txt             many operations side by side
  fetch-file -- -odd-name                 a name that begins with a dash

${BATCH_HELP}

${statusTable([0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 130])}`;

const program = new Command('fetch-file')
  .description('Fetch files from the network.')
  .argument('[name...]', 'names as they were stored')
  .addOption(option('--out <path>', 'where to: a file, a directory, or - for stdout'))
  .addOption(option('-r, --recursive <prefix>', 'fetch every file whose name begins so'))
  .addOption(option('--overwrite', 'replace files that exist'));
program.addOption(option('--batch <file>', 'do what the lines of a file say; - is stdin'));
for (const shared of clientOptions()) program.addOption(shared);
program.addHelpText('after', HELP).action(
  action(async (names: string[], options: FetchFileOptions) => {
    const { fetchFiles } = await import('./fetch-files.ts');
    return fetchFiles(names, options);
  }),
);

await run(program);
