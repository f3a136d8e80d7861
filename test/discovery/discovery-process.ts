/** A discovery peer as a process of its own, for the tests that kill it. Arguments: directory, multiaddr to listen on. */

import { silentLog } from '../../src/base/log.ts';
import { startDiscovery } from '../../src/discovery/discovery-server.ts';

const [dir = '', listen = ''] = process.argv.slice(2);
const { addrs } = await startDiscovery({ dir, listen: [listen], log: silentLog });
process.stdout.write(`${JSON.stringify(addrs)}\n`);
