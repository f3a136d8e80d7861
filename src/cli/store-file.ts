/** The `store-file` command: its arguments and its help. The work is in store-files.ts, loaded when it is needed. */

import { Command } from 'commander';
import { statusTable } from './exit-status.ts';
import { clientOptions, option, wholeNumber } from './options.ts';
import { action, run } from './run.ts';
import type { StoreFileOptions } from './store-files.ts';

const REPLICAS_MAX = 64;

const HELP = `
A file is stored under its last path component, a directory's files under dir/sub/file.
Every option has a twin in the environment: --discovery is P2P_DISCOVERY, --json is P2P_JSON.

Examples:
  store-file report.pdf --discovery /ip4/192.168.1.5/tcp/4100/p2p/12D3KooW…
  store-file photos/                      everything below photos/
  store-file report.pdf --as 2026/report  under another name
  tar c src | store-file - --as src.tar   from a pipe
  store-file --json -- -odd-name          a path that begins with a dash

${statusTable([0, 1, 2, 4, 6, 7, 8, 9, 10, 130])}`;

const program = new Command('store-file')
  .description('Store files in the network.')
  .argument('<path...>', 'files and directories; - is stdin')
  .addOption(option('--as <name>', 'the name to store one file under'))
  .addOption(option('--replicas <n>', 'how many copies to keep').argParser(wholeNumber(1, REPLICAS_MAX)))
  .addOption(option('--wait <how>', 'how many copies must be safe first').choices(['one', 'quorum', 'all']));
for (const shared of clientOptions()) program.addOption(shared);
program.addHelpText('after', HELP).action(
  action(async (paths: string[], options: StoreFileOptions) => {
    const { storeFiles } = await import('./store-files.ts');
    return storeFiles(paths, options);
  }),
);

await run(program);
