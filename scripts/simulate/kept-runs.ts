/**
 * Runs that were kept as JSON beside their pages, so that a new page can show the earlier ones. What was asked for
 * makes the name: the same experiment replaces itself. A file of another shape is passed over.
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrafficPoint } from '../../src/sim/control-traffic.ts';
import type { ExperimentOptions } from '../../src/sim/experiment-options.ts';
import type { RunFigures } from './run-figures.ts';

const PREFIX = 'simulate-';

export type KeptRun = {
  readonly options: ExperimentOptions;
  readonly figures: RunFigures;
  readonly traffic: readonly TrafficPoint[];
};

/** `simulate-1000-nodes-16-bits-seed-1-fail-0.1`. */
export function runName(options: ExperimentOptions): string {
  const { nodes, bits, leafSet, seed, lookups, ids, settleMinutes, minutes, loss } = options;
  const { kind, ...details } = options.disturbance;
  const words: (string | number)[] = [nodes, 'nodes', bits, 'bits', 'seed', seed];
  if (leafSet !== 16) words.push('leaf', leafSet);
  if (ids !== 'random') words.push(ids);
  if (loss > 0) words.push('loss', loss);
  if (kind !== 'none') words.push(kind, ...Object.values(details));
  words.push(lookups, 'in', `${Number(minutes.toFixed(2))}m`, 'after', `${settleMinutes}m`);
  return PREFIX + words.join('-');
}

export async function readRuns(dir: string): Promise<KeptRun[]> {
  const names = (await readdir(dir)).filter((name) => name.startsWith(PREFIX) && name.endsWith('.json'));
  const runs = await Promise.all(names.sort().map(async (name) => readRun(join(dir, name))));
  return runs.filter((run) => run !== undefined);
}

async function readRun(path: string): Promise<KeptRun | undefined> {
  try {
    const run = JSON.parse(await readFile(path, 'utf8')) as Partial<KeptRun>;
    const complete = run.options !== undefined && run.figures !== undefined && Array.isArray(run.traffic);
    return complete ? (run as KeptRun) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
