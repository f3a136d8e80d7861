/**
 * One large file in and out, in turns with its yardsticks. The client is the command, a new process each time, and
 * its figure is the `ms` of its receipt: lookup, connection to the root and all of the content, not the start of the
 * process, which has a row of its own. Before each measurement dirty pages are written out, so that none pays for the one before;
 * sources are in the page cache for all alike.
 */

import { spawnSync } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { results, runJson, type FetchLine, type StoreLine } from '../lib/command.ts';
import { pseudoRandom, writePseudoRandom } from '../lib/content.ts';
import { Raw } from './raw.ts';
import { median, medianRatio, type Row, type Setting } from './setting.ts';

const NAME = 'large file';

type Samples = Record<'raw' | 'rawFiles' | 'disk' | 'toFile' | 'toNull' | 'store', number[]>;

export async function measureTransfers({ scratch, network, sizes }: Setting): Promise<Row[]> {
  const { bytes } = sizes;
  const source = scratch.file('source');
  const target = scratch.file('target');
  const sha256 = await writePseudoRandom(source, bytes, 1);
  const raw = await Raw.start();
  scratch.defer(() => raw.destroy());

  const store = async () => {
    const [line] = results(
      'store-file',
      await runJson<StoreLine>('store-file', [source, '--as', NAME], network.clientEnv),
    );
    if (line?.sha256 !== sha256) throw new Error('store-file stored something else');
    return line.ms;
  };
  const fetch = async (out: string) => {
    const finished = await runJson<FetchLine>('fetch-file', [NAME, '--out', out], network.clientEnv);
    const [line] = results('fetch-file', finished);
    if (line?.sha256 !== sha256) throw new Error('fetch-file fetched something else');
    return line.ms;
  };

  const samples: Samples = { raw: [], rawFiles: [], disk: [], toFile: [], toNull: [], store: [] };
  const measure = async (what: keyof Samples, action: () => Promise<number>) => {
    spawnSync('sync', ['-f', scratch.path]);
    const ms = await action();
    samples[what].push(bytes / 1000 / ms);
    await rm(target, { force: true });
  };
  // One round that does not count: pages are cached, code is compiled, and the file is there.
  await store();
  await raw.transfer(bytes);
  for (let round = 0; round < sizes.rounds; round++) {
    await measure('raw', () => raw.transfer(bytes));
    await measure('toNull', () => fetch('/dev/null'));
    await measure('rawFiles', () => raw.transfer(bytes, { from: source, to: target }));
    await measure('toFile', () => fetch(target));
    await measure('disk', () => writeToDisk(target, bytes));
    await measure('store', store);
  }
  await raw.destroy();
  return rows(samples);
}

/** Sequential, in pieces of 1 MiB, with a datasync at the end. @returns milliseconds */
async function writeToDisk(path: string, bytes: number): Promise<number> {
  const pieces = [...pseudoRandom(Math.min(bytes, 64 * 1024 ** 2), 2)];
  const startedAt = performance.now();
  const file = await open(path, 'wx');
  let written = 0;
  for (let i = 0; written < bytes; i++) {
    const piece = pieces[i % pieces.length];
    if (piece === undefined) throw new Error('nothing to write');
    written += (await file.write(piece)).bytesWritten;
  }
  await file.datasync();
  const elapsedMs = performance.now() - startedAt;
  await file.close();
  return elapsedMs;
}

function rows({ raw, rawFiles, disk, toFile, toNull, store }: Samples): Row[] {
  const lesser = rawFiles.map((rate, i) => Math.min(rate, disk[i] ?? rate));
  const row = (what: string, samples: number[], name: string, yardstick: number[], atLeast: number): Row => ({
    what,
    figure: median(samples),
    unit: 'MB/s',
    yardstick: { name, figure: median(yardstick) },
    ratio: medianRatio(samples, yardstick),
    target: { atLeast },
    samples,
  });
  const yardstick = (what: string, samples: number[]): Row => ({
    what,
    figure: median(samples),
    unit: 'MB/s',
    samples,
  });
  return [
    yardstick('raw: plain libp2p stream, memory to memory', raw),
    yardstick('raw file to file', rawFiles),
    yardstick('disk: sequential write and datasync', disk),
    row('fetch, to a file', toFile, 'raw file to file', rawFiles, 0.85),
    row('fetch, to /dev/null', toNull, 'raw', raw, 0.7),
    row('store, durable', store, 'raw file to file, or disk', lesser, 0.8),
  ];
}
