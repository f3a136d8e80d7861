/** The `p2p-peer` command: its arguments and its help. The work is in peer-service.ts, loaded when it is needed. */

import { Command } from 'commander';
import { statusTable } from './exit-status.ts';
import { byteCount, jsonOption, listOption, logLevelOption, option, storageOption } from './options.ts';
import { addFileCommands } from './peer-file-arguments.ts';
import { addIdentityCommands } from './peer-identity-arguments.ts';
import { addLocalCommands } from './peer-local-arguments.ts';
import type { PeerStartOptions } from './peer-service.ts';
import { action, run } from './run.ts';

const HELP = `
Commands about the peer of this machine (status, verify, leave) find it by --storage. Commands about
the network (ls, stat, rm, explain) take --discovery, or ask that peer for the way.

${statusTable([0, 1, 2, 3, 6, 8, 9, 10, 130])}`;

const START_STATUS = statusTable([0, 1, 2, 6, 9, 130]);

const START_HELP = `
Every option has a twin in the environment: --storage is P2P_STORAGE, --listen is P2P_LISTEN.
SIGINT and SIGTERM stop the peer; its id and its files stay, and it is the same peer when it starts again.

Examples:
  p2p-peer start --discovery /ip4/192.168.1.5/tcp/4100/p2p/12D3KooW…
  p2p-peer start --listen /ip4/0.0.0.0/tcp/4101 --storage /srv/p2p
  p2p-peer start --capacity 500G --keep-free 20G
  P2P_DISCOVERY=/ip4/… p2p-peer start --json

${START_STATUS}`;

const program = new Command('p2p-peer').description(
  'Run a peer, which stores files for the network, and ask about it.',
);
program
  .command('start')
  .description('start a peer and serve until it is told to stop')
  .addOption(listOption('--discovery <multiaddr>', 'address of the discovery peer; may be repeated'))
  .addOption(listOption('--listen <multiaddr>', 'address to listen at; may be repeated (default: any free TCP port)'))
  .addOption(storageOption('where files are kept'))
  .addOption(option('--id <hex>', 'the node id to ask for, where the network lets peers choose'))
  .addOption(option('--capacity <size>', 'take no more than this, 500G say').argParser(byteCount))
  .addOption(option('--keep-free <size>', 'leave this much of the disk free').argParser(byteCount))
  .addOption(option('--scrub-rate <size>', 'read this much a second to find damage early').argParser(byteCount))
  .addOption(jsonOption())
  .addOption(logLevelOption('info'))
  .addHelpText('after', START_HELP)
  .action(
    action(async (options: PeerStartOptions) => {
      const { servePeer } = await import('./peer-service.ts');
      return servePeer(options);
    }),
  );
addLocalCommands(program);
addFileCommands(program);
addIdentityCommands(program);
program.addHelpText('after', HELP);

await run(program);
