/**
 * How fast it is, against yardsticks that are measured in the same run, in turns with what they are compared with. Prints
 * a table and writes it with all samples to storage/reports/bench.json.
 *
 *   npm run bench [-- [--only NAME]... [--quick]          an unknown NAME lists them]
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { printRows } from './bench/report.ts';
import { measureLookups } from './bench/lookups.ts';
import { measureManyFiles } from './bench/many-files.ts';
import { measureOverlay } from './bench/overlay.ts';
import { measureReplicas } from './bench/replicas.ts';
import { FULL, QUICK, reached, type Row, type Setting } from './bench/setting.ts';
import { measureReplicatedSmallFiles, measureSmallFiles } from './bench/small-files.ts';
import { measureStarts } from './bench/starts.ts';
import { measureTransfers } from './bench/transfers.ts';
import { startNetwork } from './lib/network.ts';
import { ROOT, runInScratch } from './lib/scratch.ts';
import { say } from './lib/table.ts';

type Measurement = {
  /** The ring it is measured in; 0 for what brings its own. More processes than cores need only take each other's time. */
  readonly peers: number;
  readonly measure: (setting: Setting) => Promise<Row[]>;
};

/** In the order of their rings, which only grow. */
const MEASUREMENTS = new Map<string, Measurement>([
  ['overlay', { peers: 0, measure: measureOverlay }],
  ['replicas', { peers: 0, measure: measureReplicas }],
  ['replicated-small-files', { peers: 0, measure: measureReplicatedSmallFiles }],
  ['many-files', { peers: 0, measure: measureManyFiles }],
  ['transfers', { peers: 3, measure: measureTransfers }],
  ['small-files', { peers: 3, measure: measureSmallFiles }],
  ['starts', { peers: 6, measure: measureStarts }],
  ['lookups', { peers: 24, measure: measureLookups }],
]);

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, quick: { type: 'boolean', default: false } },
});
for (const name of values.only ?? []) {
  if (MEASUREMENTS.has(name)) continue;
  process.stderr.write(`bench: there is no measurement ${name}; there are ${[...MEASUREMENTS.keys()].join(', ')}\n`);
  process.exit(2);
}

await runInScratch('bench', async (scratch) => {
  const sizes = values.quick ? QUICK : FULL;
  const startedAt = new Date();
  const [load] = loadavg();
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;
  say(machine);
  say(
    `load ${(load ?? 0).toFixed(1)} before the start; one copy of each file but where k is named, everything on 127.0.0.1`,
  );
  const network = await startNetwork(scratch.path, 0);
  scratch.defer(() => network.close());
  const setting = { scratch, network, sizes };
  const rows: object[] = [];
  for (const [name, { peers, measure }] of MEASUREMENTS) {
    if (values.only?.includes(name) === false) continue;
    await network.addPeers(peers - network.peers.length);
    const measured = await measure(setting);
    printRows(peers === 0 ? name : `${name}, in a ring of ${peers}`, measured);
    rows.push(...measured.map((row) => ({ ...row, peers, reached: reached(row) })));
  }
  const report = {
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    machine,
    loadBefore: load,
    quick: values.quick,
    sizes,
    rows,
  };
  const dir = join(ROOT, 'storage', 'reports');
  await mkdir(dir, { recursive: true });
  const path = join(dir, values.quick || values.only !== undefined ? 'bench-part.json' : 'bench.json');
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
  say();
  say(`All samples: ${path}`);
  return 0;
});
