/** The `p2p-peer` command: its arguments and its help. The work is in peer-service.ts, loaded when it is needed. */

import { Command } from 'commander';
import { statusTable } from './exit-status.ts';
import { jsonOption, listOption, logLevelOption, option } from './options.ts';
import type { PeerStartOptions } from './peer-service.ts';
import { action, run } from './run.ts';

const HELP = `
${statusTable([0, 1, 2, 6, 9, 130])}`;

const START_HELP = `
Every option has a twin in the environment: --storage is P2P_STORAGE, --listen is P2P_LISTEN.
SIGINT and SIGTERM stop the peer; its id and its files stay, and it is the same peer when it starts again.

Examples:
  p2p-peer start --discovery /ip4/192.168.1.5/tcp/4100/p2p/12D3KooW…
  p2p-peer start --listen /ip4/0.0.0.0/tcp/4101 --storage /srv/p2p
  P2P_DISCOVERY=/ip4/… p2p-peer start --json
${HELP}`;

const program = new Command('p2p-peer')
  .helpCommand(false)
  .description('Run a peer, which stores files for the network.');
program
  .command('start')
  .description('start a peer and serve until it is told to stop')
  .addOption(listOption('--discovery <multiaddr>', 'address of the discovery peer; may be repeated'))
  .addOption(listOption('--listen <multiaddr>', 'address to listen at; may be repeated (default: any free TCP port)'))
  .addOption(option('--storage <dir>', 'where files are kept').default('storage/peer'))
  .addOption(option('--id <hex>', 'the node id to ask for, where the network lets peers choose'))
  .addOption(jsonOption())
  .addOption(logLevelOption('info'))
  .addHelpText('after', START_HELP)
  .action(
    action(async (options: PeerStartOptions) => {
      const { servePeer } = await import('./peer-service.ts');
      return servePeer(options);
    }),
  );
program.addHelpText('after', HELP);

await run(program);
