/**
 * One experiment on a simulated ring: a table beside the literature's figures on standard output, and a page with
 * charts in storage/reports/. Ctrl-C ends it at the next slice of virtual time, with status 130; wrong usage is 2.
 *
 *   npm run simulate [-- --nodes 5000 --fail 0.1 | --help]
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { runExperiment, type ExperimentResult } from '../src/sim/experiment.ts';
import type { ExperimentOptions } from '../src/sim/experiment-options.ts';
import { ROOT } from './lib/scratch.ts';
import { heading, printTable, say } from './lib/table.ts';
import { HELP, parseArguments, UsageError, type Arguments } from './simulate/arguments.ts';
import { readRuns, runName, type KeptRun } from './simulate/kept-runs.ts';
import { ProgressBar } from './simulate/progress-bar.ts';
import { describe, figureRows } from './simulate/rows.ts';

const STATUS_USAGE = 2;
const STATUS_INTERRUPTED = 130;
const REPORTS = join(ROOT, 'storage', 'reports');

function readArguments(): Arguments {
  try {
    return parseArguments(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`simulate: ${error.message}\nnpm run simulate -- --help tells what there is\n`);
    process.exit(STATUS_USAGE);
  }
}

/** Undefined when it was interrupted. */
async function run(options: ExperimentOptions): Promise<ExperimentResult | undefined> {
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => (interrupted = true));
  const progress = new ProgressBar();
  try {
    const experiment = runExperiment(options);
    for (;;) {
      const step = experiment.next();
      if (step.done) return step.value;
      progress.show(step.value);
      await setImmediate();
      if (interrupted) return undefined;
    }
  } finally {
    progress.stop();
  }
}

function print({ options, figures }: KeptRun): void {
  heading(describe(options));
  printTable(
    [{ title: 'what' }, { title: 'seen', align: 'right' }, { title: 'expected', align: 'right' }, { title: 'source' }],
    figureRows(options, figures).map(({ what, seen, expected, source }) => [what, seen, expected, source]),
  );
  say();
}

async function writeReport(kept: KeptRun): Promise<string> {
  await mkdir(REPORTS, { recursive: true });
  const name = runName(kept.options);
  const earlier = (await readRuns(REPORTS)).filter(({ options }) => runName(options) !== name);
  const { renderPage } = await import('./simulate/page.ts');
  const path = join(REPORTS, `${name}.html`);
  await writeFile(join(REPORTS, `${name}.json`), `${JSON.stringify(kept)}\n`);
  await writeFile(path, renderPage(kept, earlier));
  return path;
}

// Whoever reads the output may have seen enough: `| head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const args = readArguments();
if (args.help) {
  process.stdout.write(HELP);
} else {
  const startedMs = performance.now();
  const result = await run(args.experiment);
  if (result === undefined) {
    process.stderr.write('simulate: interrupted\n');
    process.exit(STATUS_INTERRUPTED);
  }
  const figures = {
    ...result.figures,
    wallSeconds: Math.round(performance.now() - startedMs) / 1000,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
  if (args.json) {
    process.stdout.write(`${JSON.stringify(figures)}\n`);
  } else {
    const kept = { options: args.experiment, figures, traffic: result.traffic };
    print(kept);
    say(`Page: ${await writeReport(kept)}`);
  }
}
