/**
 * Many small files by one call of store-file, each durable before it counts, with one copy or on a majority of its
 * replicas; the start of the process included.
 */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Network } from '../../test/e2e/harness/network.ts';
import { results, runJson, type StoreLine } from '../lib/command.ts';
import { pseudoRandom } from '../lib/content.ts';
import { startNetwork } from '../lib/network.ts';
import type { Scratch } from '../lib/scratch.ts';
import { median, type Row, type Setting, type Sizes } from './setting.ts';

const FILE_BYTES = 4096;
const FILES_PER_SECOND_MIN = 600;
const REPLICAS = 3;
const REPLICATED_PEERS = 6;
const REPLICATED_PER_SECOND_MIN = 400;

export async function measureSmallFiles({ scratch, network, sizes }: Setting): Promise<Row[]> {
  const samples = await filesPerSecond(scratch, network, sizes, []);
  const what = `${sizes.smallFiles} files of 4 KiB by one store-file, durable`;
  return [{ what, figure: median(samples), unit: '1/s', target: { atLeast: FILES_PER_SECOND_MIN }, samples }];
}

/** In a ring of its own, which is gone when the next measurement begins. */
export async function measureReplicatedSmallFiles({ scratch, sizes }: Setting): Promise<Row[]> {
  const network = await startNetwork(scratch.file('small-files-network'), REPLICATED_PEERS, REPLICAS);
  try {
    const samples = await filesPerSecond(scratch, network, sizes, ['--wait', 'quorum']);
    const what = `${sizes.smallFiles} files of 4 KiB, k = ${REPLICAS}, quorum, ${REPLICATED_PEERS} peers`;
    return [{ what, figure: median(samples), unit: '1/s', target: { atLeast: REPLICATED_PER_SECOND_MIN }, samples }];
  } finally {
    await network.close();
  }
}

async function filesPerSecond(
  scratch: Scratch,
  network: Network,
  sizes: Sizes,
  args: readonly string[],
): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < sizes.rounds; round++) {
    // Another directory each time, so that all names are new.
    const dir = scratch.file(`small-${round}`);
    await mkdir(dir);
    for (let i = 0; i < sizes.smallFiles; i++) {
      await writeFile(join(dir, `file-${i}`), [...pseudoRandom(FILE_BYTES, round * sizes.smallFiles + i)]);
    }
    const finished = await runJson<StoreLine>('store-file', [dir, ...args], network.clientEnv);
    const stored = results('store-file', finished).length;
    if (stored !== sizes.smallFiles) throw new Error(`store-file stored ${stored} files of ${sizes.smallFiles}`);
    samples.push((stored / finished.wallMs) * 1000);
    await rm(dir, { recursive: true });
  }
  return samples;
}
