/** `store-file`: what the command does once its arguments are parsed. */

import { InterruptedError } from '../base/errors.ts';
import type { StoreOptions, WaitFor } from '../client/types.ts';
import { checkName } from '../id/key.ts';
import { runBatch } from './batch.ts';
import { onInterrupt } from './interrupt.ts';
import { localItems, type LocalItem } from './local-files.ts';
import { lazyStore, type LazyStore } from './open-store.ts';
import type { ClientOptions } from './options.ts';
import { createOutput, type Output } from './output.ts';
import { createProgress, type Progress } from './progress.ts';
import { resumeSentence, storeSentence } from './sentences.ts';
import { checkBatch, checkConditions, checkPaths } from './store-arguments.ts';
import { reportEnd, transferAll, TRANSFER_BOUNDS, transferWeight } from './transfers.ts';

export type StoreFileOptions = ClientOptions & {
  as?: string;
  replicas?: number;
  wait?: WaitFor;
  shared?: true;
  ifAbsent?: true;
  ifVersion?: string;
  batch?: string;
};

const CLEAN_UP_MS_MAX = 2_000;

export async function storeFiles(paths: readonly string[], options: StoreFileOptions): Promise<number> {
  if (options.batch !== undefined) return storeBatch(options.batch, paths, options);
  const output = createOutput('store-file', options);
  const signal = onInterrupt(CLEAN_UP_MS_MAX);
  const store = lazyStore(options, signal);
  const progress = await createProgress(output);
  try {
    checkPaths(paths, options.as);
    checkConditions(paths, options);
    if (progress.visible) void expectAll(paths, options.as, progress);
    const items = localItems(paths, options.as, (text) => {
      output.note(text);
    });
    return await transferAll(items, { output, signal, bounds: TRANSFER_BOUNDS, weigh }, (item) =>
      storeItem(item, { options, output, progress, signal, store }),
    );
  } catch (error) {
    return reportEnd(error, signal, output);
  } finally {
    progress.stop();
    if (!signal.aborted) await store.close();
  }
}

async function storeBatch(file: string, paths: readonly string[], options: StoreFileOptions): Promise<number> {
  try {
    checkBatch(paths, options);
  } catch (error) {
    return createOutput('store-file', options).failure(error);
  }
  return runBatch({ file, command: 'store-file', options, store: storeOptions(options), overwrite: false });
}

function weigh(item: LocalItem): number {
  return 'error' in item ? 0 : transferWeight(item.size);
}

/** Sums up for the progress bar what there is to do, ahead of the doing. */
async function expectAll(paths: readonly string[], as: string | undefined, progress: Progress): Promise<void> {
  for await (const item of localItems(paths, as, () => {})) {
    if (!('error' in item)) progress.expect(item.size);
  }
}

/** What the options say about how a file is stored. */
export function storeOptions(options: StoreFileOptions): StoreOptions {
  const { replicas, wait, shared, ifAbsent, ifVersion } = options;
  return {
    ...(replicas === undefined ? {} : { replicas }),
    ...(wait === undefined ? {} : { wait }),
    ...(shared === undefined ? {} : { shared }),
    ...(ifAbsent === undefined ? {} : { ifAbsent }),
    ...(ifVersion === undefined ? {} : { ifVersion }),
  };
}

type Job = { options: StoreFileOptions; output: Output; progress: Progress; signal: AbortSignal; store: LazyStore };

async function storeItem(item: LocalItem, job: Job): Promise<void> {
  if ('error' in item) throw item.error;
  const { options, output, signal } = job;
  checkName(item.name);
  const store = await job.store.get();
  if (signal.aborted) throw new InterruptedError('interrupted');
  const progress = job.progress.file(item.size);
  try {
    const receipt = await store.store(item.name, item.open(), {
      ...storeOptions(options),
      signal,
      onProgress: progress.update,
      onResume: (there, total) => output.note(resumeSentence('store', item.name, there, total)),
    });
    output.result(receipt, storeSentence(receipt));
  } finally {
    progress.done();
  }
}
