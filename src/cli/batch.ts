/**
 * `store-file --batch` and `fetch-file --batch`: operations side by side over one connection, those on the same name in
 * the order of their lines. A line that fails is reported with its number, and the others go on.
 */

import { stat } from 'node:fs/promises';
import { InterruptedError } from '../base/errors.ts';
import type { FileStore } from '../client/file-store.ts';
import type { FetchOptions, StoreOptions } from '../client/types.ts';
import { readBatch, type BatchLine } from './batch-lines.ts';
import type { Bounds } from './bounded.ts';
import { fetchSentence, removalSentence, resumeSentence, storeSentence } from './sentences.ts';
import { onInterrupt } from './interrupt.ts';
import { lazyStore, type LazyStore } from './open-store.ts';
import type { ClientOptions } from './options.ts';
import { createOutput, type Output } from './output.ts';
import { openTarget, planOutput } from './output-target.ts';
import { createProgress, type Progress } from './progress.ts';
import { reportEnd, transferAll, transferWeight } from './transfers.ts';

export type Batch = {
  /** A path, or - for stdin. */
  readonly file: string;
  readonly command: string;
  readonly options: ClientOptions;
  /** For each put. */
  readonly store: StoreOptions;
  /** For each get: replace what is there. */
  readonly overwrite: boolean;
};

const CLEAN_UP_MS_MAX = 2_000;
const MIB = 1024 * 1024;
const BATCH_BOUNDS: Bounds = { itemsMax: 64, weightMax: 64 * MIB };
/** How large a file is shows only when it comes; most are small. */
const GET_WEIGHT = MIB;

type Item = BatchLine & { readonly size: number | undefined };

type Job = {
  readonly batch: Batch;
  readonly output: Output;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly store: LazyStore;
};

export async function runBatch(batch: Batch): Promise<number> {
  const output = createOutput(batch.command, batch.options);
  const signal = onInterrupt(CLEAN_UP_MS_MAX);
  const store = lazyStore(batch.options, signal);
  const progress = await createProgress(output);
  const job: Job = { batch, output, progress, signal, store };
  const inTurn = new InTurn();
  try {
    const items = itemsOf(readBatch(batch.file, signal));
    return await transferAll(items, { output, signal, bounds: BATCH_BOUNDS, weigh }, (item) => {
      return inTurn.run(item.name, () => carryOut(item, job));
    });
  } catch (error) {
    return reportEnd(error, signal, output);
  } finally {
    progress.stop();
    if (!signal.aborted) await store.close();
  }
}

async function* itemsOf(lines: AsyncIterable<BatchLine>): AsyncGenerator<Item> {
  for await (const line of lines) {
    const found = line.op === 'put' ? await stat(line.path).catch(() => undefined) : undefined;
    yield { ...line, size: found?.isFile() === true ? found.size : undefined };
  }
}

function weigh(item: Item): number {
  if (item.op === 'put') return transferWeight(item.size);
  return item.op === 'get' ? GET_WEIGHT : 0;
}

/** Lets what is about the same thing go one after the other, in the order of the calls. */
export class InTurn {
  readonly #last = new Map<string, Promise<unknown>>();

  async run(key: string, act: () => Promise<void>): Promise<void> {
    const acting = (this.#last.get(key) ?? Promise.resolve()).then(act);
    const ended = acting.catch(() => undefined);
    this.#last.set(key, ended);
    try {
      await acting;
    } finally {
      if (this.#last.get(key) === ended) this.#last.delete(key);
    }
  }
}

async function carryOut(item: Item, job: Job): Promise<void> {
  if (item.op === 'none') throw item.error;
  const { output, signal } = job;
  const store = await job.store.get();
  if (signal.aborted) throw new InterruptedError('interrupted');
  const { op, line, name } = item;
  if (item.op === 'rm') {
    const receipt = await store.remove(name, { signal });
    output.result({ op, line, ...receipt }, removalSentence(receipt));
    return;
  }
  job.progress.expect(item.size);
  const progress = job.progress.file(item.size);
  const onResume = (left: number, total: number): void => {
    progress.skip(left, total);
    output.note(resumeSentence(item.op === 'put' ? 'store' : 'fetch', name, left, total));
  };
  const call = { signal, onProgress: progress.update, onResume };
  try {
    if (item.op === 'put') {
      const receipt = await store.store(
        name,
        { path: item.path },
        {
          ...job.batch.store,
          ...call,
        },
      );
      output.result({ op, line, ...receipt }, storeSentence(receipt));
    } else await get(store, { line, name, path: item.path }, job, call);
  } finally {
    progress.done();
  }
}

async function get(
  store: FileStore,
  { line, name, path }: { readonly line: number; readonly name: string; readonly path: string },
  { batch, output, signal }: Job,
  call: FetchOptions,
): Promise<void> {
  const target = await openTarget(await planOutput(path, false), name, { overwrite: batch.overwrite, signal });
  try {
    const receipt = await store.fetch(name, target.to, call);
    output.result({ op: 'get', line, ...receipt, out: target.shown }, fetchSentence(receipt, target.shown));
  } finally {
    await target.close();
  }
}
