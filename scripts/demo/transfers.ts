/** Files through store-file and fetch-file, and what came of it. */

import { mkdir } from 'node:fs/promises';
import { closest } from '../../test/e2e/harness/oracle.ts';
import { results, runJson, type FetchLine, type StoreLine } from '../lib/command.ts';
import { formatRate, formatSize, printTable } from '../lib/table.ts';
import { difference } from './compare.ts';
import type { SourceFile } from './files.ts';
import type { Stage, Stored } from './stage.ts';

/** Larger files are moved one at a time, so that their rates mean something; the others go side by side in one call. */
const ALONE_BYTES = 8 * 1024 * 1024;

const ROUTE = 'route, entry → root';

function calls(files: readonly SourceFile[]): SourceFile[][] {
  const small = files.filter(({ size }) => size < ALONE_BYTES);
  const large = files.filter(({ size }) => size >= ALONE_BYTES);
  return [...(small.length > 0 ? [small] : []), ...large.map((file) => [file])];
}

/** Stores files and prints where each went. Every one must go to the closest of the peers. */
export async function store(stage: Stage, files: readonly SourceFile[]): Promise<Stored[]> {
  const stored: Stored[] = [];
  for (const call of calls(files)) {
    const finished = await runJson<StoreLine>(
      'store-file',
      ['--wait', 'all', '--', ...call.map(({ path }) => path)],
      stage.network.clientEnv,
    );
    const receipts = results('store-file', finished);
    for (const source of call) {
      const receipt = receipts.find(({ name }) => name === source.name);
      if (receipt === undefined) throw new Error(`store-file gave no receipt for ${source.name}`);
      const root = closest(stage.network.nodeIds, receipt.key);
      if (receipt.root.nodeId !== root) {
        stage.failures.push(`${source.name}: went to ${receipt.root.nodeId}, and ${root} is closest to ${receipt.key}`);
      }
      stored.push({ source, receipt });
    }
  }
  stage.stored.push(...stored);
  return stored;
}

export function printStored(stored: readonly Stored[]): void {
  printTable(
    [
      { title: 'file' },
      { title: 'size', align: 'right' },
      { title: 'key' },
      { title: ROUTE },
      { title: 'MB/s', align: 'right' },
    ],
    stored.map(({ source, receipt }) => [
      source.name,
      formatSize(source.size),
      receipt.key,
      receipt.path.join(' → '),
      rate(source.size, receipt.ms),
    ]),
  );
}

/** Fetches files into a new directory and compares each with its source. @returns those that came back the same */
export async function fetch(stage: Stage, stored: readonly Stored[], directory: string): Promise<FetchLine[]> {
  const out = stage.scratch.file(directory);
  await mkdir(out);
  const same: FetchLine[] = [];
  for (const call of calls(stored.map(({ source }) => source))) {
    // With the slash it is a directory also for one name.
    const args = ['--out', `${out}/`, '--', ...call.map(({ name }) => name)];
    const finished = await runJson<FetchLine>('fetch-file', args, stage.network.clientEnv);
    for (const line of finished.lines) {
      if ('error' in line)
        stage.failures.push(`${line.error.name ?? 'fetch-file'}: ${line.error.code}: ${line.error.message}`);
      else if (await isSame(stage, line, call)) same.push(line);
    }
    if (finished.lines.length !== call.length)
      stage.failures.push(`fetch-file told of ${finished.lines.length} files of ${call.length}`);
  }
  return same.sort((a, b) => a.size - b.size);
}

async function isSame(stage: Stage, line: FetchLine, call: readonly SourceFile[]): Promise<boolean> {
  const source = call.find(({ name }) => name === line.name);
  if (source === undefined) throw new Error(`fetch-file fetched ${line.name}, for which nobody asked`);
  stage.compared.files++;
  stage.compared.bytes += source.size;
  const found = await difference(source, line.out);
  if (found !== undefined) stage.failures.push(found);
  return found === undefined;
}

export function printFetched(fetched: readonly FetchLine[]): void {
  printTable(
    [
      { title: 'file' },
      { title: 'size', align: 'right' },
      { title: 'from' },
      { title: ROUTE },
      { title: 'MB/s', align: 'right' },
    ],
    fetched.map((line) => [
      line.name,
      formatSize(line.size),
      line.from.nodeId,
      line.path.join(' → '),
      rate(line.size, line.ms),
    ]),
  );
}

function rate(bytes: number, ms: number): string {
  return bytes >= ALONE_BYTES ? formatRate(bytes, ms) : '';
}

/** The highest rate among the files that were moved alone. */
export function noteBest(
  stage: Stage,
  what: string,
  transfers: readonly { readonly size: number; readonly ms: number }[],
): void {
  const rates = transfers
    .filter(({ size }) => size >= ALONE_BYTES)
    .map(({ size, ms }) => size / 1000 / Math.max(ms, 1));
  if (rates.length > 0) stage.figures.push([what, `${Math.max(...rates).toFixed(0)} MB/s`]);
}
