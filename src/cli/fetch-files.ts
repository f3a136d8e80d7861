/** `fetch-file`: what the command does once its arguments are parsed. */

import { NotFoundError } from '../base/errors.ts';
import { checkName } from '../id/key.ts';
import { runBatch } from './batch.ts';
import type { Bounds } from './bounded.ts';
import { checkBatch, checkNames } from './fetch-arguments.ts';
import { onInterrupt } from './interrupt.ts';
import { lazyStore, type LazyStore } from './open-store.ts';
import type { ClientOptions } from './options.ts';
import { createOutput, type Output } from './output.ts';
import { openTarget, planOutput, type Layout } from './output-target.ts';
import { createProgress, type Progress } from './progress.ts';
import { fetchSentence, resumeSentence } from './sentences.ts';
import { reportEnd, transferAll, TRANSFER_BOUNDS, transferWeight } from './transfers.ts';

export type FetchFileOptions = ClientOptions & { out?: string; recursive?: string; overwrite?: true; batch?: string };

/** What is to be fetched; the size is known where a listing told it. */
type Wanted = { readonly name: string; readonly size: number | undefined };

const CLEAN_UP_MS_MAX = 2_000;
const ONE_AT_A_TIME: Bounds = { itemsMax: 1, weightMax: 1 };

export async function fetchFiles(names: readonly string[], options: FetchFileOptions): Promise<number> {
  if (options.batch !== undefined) return fetchBatch(options.batch, names, options);
  const output = createOutput('fetch-file', options);
  const signal = onInterrupt(CLEAN_UP_MS_MAX);
  const store = lazyStore(options, signal);
  const progress = await createProgress(output);
  try {
    checkNames(names, options);
    const layout = await planOutput(options.out, names.length > 1 || options.recursive !== undefined);
    const wanted = [
      ...names.map((name) => ({ name, size: undefined })),
      ...(options.recursive === undefined ? [] : await listPrefix(store, options.recursive, signal)),
    ];
    for (const { size } of wanted) progress.expect(size);
    const bounds = layout.kind === 'stdout' ? ONE_AT_A_TIME : TRANSFER_BOUNDS;
    return await transferAll(wanted, { output, signal, bounds, weigh: ({ size }) => transferWeight(size) }, (item) =>
      fetchItem(item, { layout, options, output, progress, signal, store }),
    );
  } catch (error) {
    return reportEnd(error, signal, output);
  } finally {
    progress.stop();
    if (!signal.aborted) await store.close();
  }
}

async function fetchBatch(file: string, names: readonly string[], options: FetchFileOptions): Promise<number> {
  try {
    checkBatch(names, options);
  } catch (error) {
    return createOutput('fetch-file', options).failure(error);
  }
  const overwrite = options.overwrite === true;
  return runBatch({ file, command: 'fetch-file', options, store: {}, overwrite });
}

async function listPrefix(store: LazyStore, prefix: string, signal: AbortSignal): Promise<Wanted[]> {
  const found = new Map<string, Wanted>();
  const connected = await store.get();
  for await (const { name, size } of connected.list({ prefix, signal })) {
    found.set(name, { name, size });
  }
  if (found.size === 0) throw new NotFoundError(`there is no file whose name begins with "${prefix}"`);
  return [...found.values()];
}

type Job = {
  layout: Layout;
  options: FetchFileOptions;
  output: Output;
  progress: Progress;
  signal: AbortSignal;
  store: LazyStore;
};

async function fetchItem(item: Wanted, job: Job): Promise<void> {
  const { output, signal } = job;
  checkName(item.name);
  const store = await job.store.get();
  const target = await openTarget(job.layout, item.name, { overwrite: job.options.overwrite === true, signal });
  const progress = job.progress.file(item.size);
  try {
    const receipt = await store.fetch(item.name, target.to, {
      signal,
      onProgress: progress.update,
      onResume: (left, total) => {
        progress.skip(left, total);
        output.note(resumeSentence('fetch', item.name, left, total));
      },
    });
    output.result({ ...receipt, out: target.shown }, fetchSentence(receipt, target.shown));
  } finally {
    progress.done();
    await target.close();
  }
}
