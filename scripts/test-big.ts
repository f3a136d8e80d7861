/**
 * A file of 4 GiB goes in and out, every way there is, while the client and the file's root each stay below 200 MB of
 * resident memory: see big/cases.ts for the ways. Ends with status 1 when a bound is broken or a byte is wrong.
 *
 *   npm run test:big [-- --gib 4]
 */

import { statfs } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { CASES, type Setting } from './big/cases.ts';
import { SlowDisk } from './big/slow-disk.ts';
import { writePseudoRandom } from './lib/content.ts';
import { startNetwork } from './lib/network.ts';
import { runInScratch } from './lib/scratch.ts';
import { formatSize, paint, printTable, say } from './lib/table.ts';

const GIB = 1024 ** 3;
const PEERS = 3;
const RESIDENT_BYTES_MAX = 200e6;
const SLOW_BYTES_PER_SECOND = 40e6;
const SEED = 4;
/** The source, the stored copy, and the next copy or what is fetched. */
const COPIES_ON_DISK = 3;

const { values } = parseArgs({ options: { gib: { type: 'string', default: '4' } } });
const bytes = Math.round(Number(values.gib) * GIB);

await runInScratch('test-big', async (scratch) => {
  const { bavail, bsize } = await statfs(scratch.path);
  const needed = (COPIES_ON_DISK + 0.25) * bytes;
  if (bavail * bsize < needed) throw new Error(`${formatSize(needed)} must be free on the disk of ${scratch.path}`);
  const slowDisk = await SlowDisk.make(scratch.path, SLOW_BYTES_PER_SECOND);
  if (slowDisk !== undefined) scratch.defer(() => slowDisk.remove());
  const network = await startNetwork(scratch.path, PEERS);
  scratch.defer(() => network.close());
  const source = scratch.file('source');
  const sha256 = await writePseudoRandom(source, bytes, SEED);
  const setting: Setting = {
    scratch,
    network,
    bytes,
    slowBytesPerSecond: SLOW_BYTES_PER_SECOND,
    source,
    seed: SEED,
    sha256,
    slowDisk,
  };

  const limit = RESIDENT_BYTES_MAX / 1e6;
  say(`A file of ${formatSize(bytes)}; client and root may have ${limit} MB each. Peak, and usual, resident MB:`);
  say(`The slow disk: ${slowDisk?.means ?? 'cannot be had here (it takes root and a control group for I/O)'}.`);
  say();
  const rows: string[][] = [];
  let broken = 0;
  for (const { what, run } of CASES) {
    if (what.includes('disk of') && slowDisk === undefined) {
      rows.push([what, 'not run']);
      continue;
    }
    const { client, root, elapsedMs } = await run(setting);
    const fits = client.peak < RESIDENT_BYTES_MAX && root.peak < RESIDENT_BYTES_MAX;
    if (!fits) broken++;
    const mb = ({ peak, usual }: typeof client) => `${(peak / 1e6).toFixed(0)} (${(usual / 1e6).toFixed(0)})`;
    const seconds = elapsedMs / 1000;
    const verdict = fits ? paint('green', 'kept') : paint('red', 'BROKEN');
    rows.push([what, mb(client), mb(root), seconds.toFixed(1), (bytes / 1e6 / seconds).toFixed(0), verdict]);
    process.stderr.write(`${what}: ${seconds.toFixed(1)} s\n`);
  }
  printTable(
    [
      { title: 'way' },
      { title: 'client', align: 'right' },
      { title: 'root', align: 'right' },
      { title: 's', align: 'right' },
      { title: 'MB/s', align: 'right' },
      { title: 'bound' },
    ],
    rows,
  );
  return broken === 0 ? 0 : 1;
});
