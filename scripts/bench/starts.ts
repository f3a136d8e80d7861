/** What a person waits for: whole processes, from their start to their end, in turns with a Node that does nothing. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { results, runJson, type StoreLine } from '../lib/command.ts';
import { writePseudoRandom } from '../lib/content.ts';
import { ROOT } from '../lib/scratch.ts';
import { median, type Row, type Setting } from './setting.ts';

const NAME = 'small file';
const FILE_BYTES = 4096;
const FETCH_MS_MAX = 200;
const HELP_MS_MAX = 80;

export async function measureStarts({ scratch, network, sizes }: Setting): Promise<Row[]> {
  const source = scratch.file(NAME);
  await writePseudoRandom(source, FILE_BYTES, 3);
  results('store-file', await runJson<StoreLine>('store-file', [source], network.clientEnv));

  const wallMs = (...args: string[]) => {
    const startedAt = performance.now();
    const { status } = spawnSync(process.execPath, args, {
      env: { ...process.env, ...network.clientEnv },
      stdio: 'ignore',
    });
    const elapsedMs = performance.now() - startedAt;
    if (status !== 0) throw new Error(`${args.join(' ')} ended with status ${status}`);
    return elapsedMs;
  };
  const bin = (name: string) => join(ROOT, 'bin', name);
  const fetch: number[] = [];
  const help: number[] = [];
  const nothing: number[] = [];
  // The first start compiles, the later ones find that done.
  for (let i = -1; i < sizes.starts; i++) {
    const times = [
      wallMs(bin('fetch-file'), NAME, '--out', scratch.file('target'), '--overwrite', '--quiet'),
      wallMs(bin('p2p-peer'), '--help'),
      wallMs('--eval', '0'),
    ] as const;
    if (i < 0) continue;
    fetch.push(times[0]);
    help.push(times[1]);
    nothing.push(times[2]);
  }
  const row = (what: string, samples: number[], atMost?: number): Row => ({
    what,
    figure: median(samples),
    unit: 'ms',
    ...(atMost === undefined ? {} : { target: { atMost } }),
    samples,
  });
  return [
    row('fetch-file of 4 KiB, whole process', fetch, FETCH_MS_MAX),
    row('p2p-peer --help, whole process', help, HELP_MS_MAX),
    row('for comparison: node that does nothing', nothing),
  ];
}
