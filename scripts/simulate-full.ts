/**
 * All that must be seen of the routing (simulate/targets.ts), each run in a process of its own, as many at once as
 * --jobs says (one), and the outcome written to docs/routing-figures.md. Ends with status 1 when a target is missed.
 *
 *   npm run simulate:full [-- --only NAME]... [--jobs N]   with --only the document stays as it is
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { Child } from './lib/child.ts';
import { ROOT } from './lib/scratch.ts';
import { heading, paint, printTable, say } from './lib/table.ts';
import { renderDocument, type Verdict } from './simulate/document.ts';
import type { RunFigures } from './simulate/run-figures.ts';
import { TARGETS, type Target } from './simulate/targets.ts';

/** A large heap is collected before it has doubled: what is measured is what is used. As in the script `simulate`. */
const NODE_FLAGS = ['--heap-growing-percent=25'];
const STATUS_USAGE = 2;
const STATUS_INTERRUPTED = 130;
const DOCUMENT = join(ROOT, 'docs', 'routing-figures.md');

/** @throws Error with what it said when the simulation fails */
async function simulate(args: readonly string[]): Promise<RunFigures> {
  const child = new Child(process.execPath, [...NODE_FLAGS, join(ROOT, 'scripts', 'simulate.ts'), '--json', ...args]);
  const output = await text(child.stdout);
  const status = await child.ended;
  if (status !== 0) throw child.error(`ended with status ${status}`);
  return JSON.parse(output) as RunFigures;
}

/** A run that fails misses all that was to be reached; the others are still made. */
async function meet({ runs, criteria }: Target): Promise<Verdict[]> {
  const figures: RunFigures[] = [];
  for (const [index, args] of runs.entries()) {
    process.stderr.write(`  ${index + 1} of ${runs.length}: simulate ${args.join(' ')}\n`);
    try {
      figures.push(await simulate(args));
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      return criteria.map(({ what, toReach }) => ({ what, toReach, seen: 'the run failed', reached: false }));
    }
  }
  return criteria.map(({ what, toReach, judge }) => ({ what, toReach, ...judge(figures) }));
}

function chosenTargets(): { targets: readonly Target[]; all: boolean; jobs: number } {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, jobs: { type: 'string' } } });
  const names = TARGETS.map(({ name }) => name);
  for (const name of values.only ?? []) {
    if (names.includes(name)) continue;
    process.stderr.write(`simulate:full: there is no ${name}; there are ${names.join(', ')}\n`);
    process.exit(STATUS_USAGE);
  }
  const targets = TARGETS.filter(({ name }) => values.only?.includes(name) !== false);
  const jobs = Math.max(1, Math.floor(Number(values.jobs ?? 1)) || 1);
  return { targets, all: values.only === undefined, jobs };
}

// Children end when this process does: see lib/child.ts.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => process.exit(STATUS_INTERRUPTED));

const { targets, all, jobs } = chosenTargets();
const results = new Map<Target, readonly Verdict[]>();

async function meetNext(waiting: Target[]): Promise<void> {
  for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
    const verdicts = await meet(target);
    results.set(target, verdicts);
    heading(`${target.title} (${target.name})`);
    printTable(
      [{ title: 'what' }, { title: 'to reach' }, { title: 'seen' }, { title: '' }],
      verdicts.map(({ what, toReach, seen, reached }) => [
        what,
        toReach,
        seen,
        reached ? paint('green', 'reached') : paint('red', 'missed'),
      ]),
    );
  }
}

await meetNext(targets.filter(({ alone }) => alone === true));
const others = targets.filter(({ alone }) => alone !== true);
await Promise.all(Array.from({ length: jobs }, () => meetNext(others)));
const outcome = targets.map((target) => ({ target, verdicts: results.get(target) ?? [] }));
say();
if (all) {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;
  await mkdir(join(ROOT, 'docs'), { recursive: true });
  await writeFile(DOCUMENT, await renderDocument(outcome, machine));
  say(`Written: ${DOCUMENT}`);
}
process.exitCode = outcome.every(({ verdicts }) => verdicts.every(({ reached }) => reached)) ? 0 : 1;
