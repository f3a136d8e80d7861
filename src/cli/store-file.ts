/** The `store-file` command: its arguments and its help. The work is in store-files.ts, loaded when it is needed. */

import { Command } from 'commander';
import { BATCH_HELP } from './batch-help.ts';
import { statusTable } from './exit-status.ts';
import { clientOptions, option, versionText, wholeNumber } from './options.ts';
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
  store-file --batch jobs.txt             many operations side by side
  store-file plan.txt --if-absent         never over a file that is there
  store-file plan.txt --if-version 3-4f…  over what \`p2p-peer stat\` showed, and nothing newer

${BATCH_HELP}

${statusTable([0, 1, 2, 4, 6, 7, 8, 9, 10, 130])}`;

const program = new Command('store-file')
  .description('Store files in the network.')
  .argument('[path...]', 'files and directories; - is stdin')
  .addOption(option('--as <name>', 'the name to store one file under'))
  .addOption(option('--replicas <n>', 'how many copies to keep').argParser(wholeNumber(1, REPLICAS_MAX)))
  .addOption(option('--wait <how>', 'how many copies must be safe first').choices(['one', 'quorum', 'all']))
  .addOption(option('--shared', 'let others overwrite and remove it, too'))
  .addOption(option('--if-absent', 'only where there is no file of that name; else status 8'))
  .addOption(
    option('--if-version <version>', 'only in the place of this version; else status 8').argParser(versionText),
  );
program.addOption(option('--batch <file>', 'do what the lines of a file say; - is stdin'));
for (const shared of clientOptions()) program.addOption(shared);
program.addHelpText('after', HELP).action(
  action(async (paths: string[], options: StoreFileOptions) => {
    const { storeFiles } = await import('./store-files.ts');
    return storeFiles(paths, options);
  }),
);

await run(program);
