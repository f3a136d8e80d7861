/** The `p2p-discovery` command: its arguments and help. The work is in discovery-service.ts, loaded when needed. */

import { Command } from 'commander';
import { DEFAULT_PARAMETERS } from '../membership/network-parameters.ts';
import type { DiscoveryStartOptions } from './discovery-service.ts';
import { statusTable } from './exit-status.ts';
import { jsonOption, listOption, logLevelOption, option, secondsToMs, wholeNumber } from './options.ts';
import { action, run } from './run.ts';

const { leafSetHalf, replicas, repairDelayMs } = DEFAULT_PARAMETERS;

const HELP = `
${statusTable([0, 1, 2, 6, 130])}`;

const START_HELP = `
The first start makes the network: its key and its parameters (--network, --replicas, --repair-delay) are
kept in --dir from then on, and can be repeated later but not changed. Back that directory up.
Every option has a twin in the environment: --dir is P2P_DIR, --repair-delay is P2P_REPAIR_DELAY.

Examples:
  p2p-discovery start
  p2p-discovery start --listen /ip4/0.0.0.0/tcp/4100 --dir /srv/p2p-discovery --network office
${HELP}`;

const program = new Command('p2p-discovery').description(
  'Run the discovery peer, which admits peers and introduces them to each other.',
);
program
  .command('start')
  .description('start the discovery peer and serve until it is told to stop')
  .addOption(listOption('--listen <multiaddr>', 'address to listen at; may be repeated (default: TCP port 4100)'))
  .addOption(option('--dir <dir>', 'where the network key and the members are kept').default('storage/discovery'))
  .addOption(option('--network <name>', 'name of the network'))
  .addOption(
    option(
      '--replicas <k>',
      `how many copies a file has where its owner does not say otherwise (default: ${String(replicas)})`,
    ).argParser(wholeNumber(1, leafSetHalf)),
  )
  .addOption(
    option(
      '--repair-delay <seconds>',
      `how long a peer may be away before its copies are made anew (default: ${String(repairDelayMs / 1000)})`,
    ).argParser(secondsToMs),
  )
  .addOption(option('--allow-chosen-ids', 'let peers choose their node ids'))
  .addOption(option('--private', 'a private network').hideHelp())
  .addOption(jsonOption())
  .addOption(logLevelOption('info'))
  .addHelpText('after', START_HELP)
  .action(
    action(async (options: DiscoveryStartOptions) => {
      const { serveDiscovery } = await import('./discovery-service.ts');
      return serveDiscovery(options);
    }),
  );
program.addHelpText('after', HELP);

await run(program);
