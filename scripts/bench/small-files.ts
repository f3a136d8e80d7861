/** Many small files by one call of store-file, each durable before it counts; the start of the process included. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { results, runJson, type StoreLine } from '../lib/command.ts';
import { pseudoRandom } from '../lib/content.ts';
import { median, type Row, type Setting } from './setting.ts';

const FILE_BYTES = 4096;
const FILES_PER_SECOND_MIN = 600;

export async function measureSmallFiles({ scratch, network, sizes }: Setting): Promise<Row[]> {
  const samples: number[] = [];
  for (let round = 0; round < sizes.rounds; round++) {
    // Another directory each time, so that all names are new.
    const dir = scratch.file(`small-${round}`);
    await mkdir(dir);
    for (let i = 0; i < sizes.smallFiles; i++) {
      await writeFile(join(dir, `file-${i}`), [...pseudoRandom(FILE_BYTES, round * sizes.smallFiles + i)]);
    }
    const finished = await runJson<StoreLine>('store-file', [dir], network.clientEnv);
    const stored = results('store-file', finished).length;
    if (stored !== sizes.smallFiles) throw new Error(`store-file stored ${stored} files of ${sizes.smallFiles}`);
    samples.push((stored / finished.wallMs) * 1000);
    await rm(dir, { recursive: true });
  }
  return [
    {
      what: `${sizes.smallFiles} files of 4 KiB by one store-file, durable`,
      figure: median(samples),
      unit: '1/s',
      target: { atLeast: FILES_PER_SECOND_MIN },
      samples,
    },
  ];
}
