/**
 * `npm run prove`: shows that the tests of the overlay can fail. Plants each bug of test/seeded-bugs/bugs.ts in a copy
 * of the project, one at a time, and demands that the tests named with it fail there, having passed without it. A
 * part of a bug's name as argument picks some. Ends with status 1 if a bug goes unnoticed.
 */

import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { SEEDED_BUGS } from '../test/seeded-bugs/bugs.ts';
import type { SeededBug } from '../test/seeded-bugs/seeded-bug.ts';
import { Child } from './lib/child.ts';
import { ROOT, runInScratch, type Scratch } from './lib/scratch.ts';

const COPIED = ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
const RUN_MS_MAX = 60_000;
const STATUS_USAGE = 2;

type Report = { readonly numPassedTests: number; readonly numFailedTests: number };
type Outcome = Report & { readonly timedOut: boolean };

async function runTests(scratch: Scratch, { file, title }: SeededBug['caughtBy']): Promise<Outcome> {
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const pattern = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const report = scratch.file('report.json');
  await writeFile(report, '{"numPassedTests":0,"numFailedTests":0}');
  const child = new Child(
    process.execPath,
    [vitest, 'run', '--project', 'unit', '--reporter', 'json', '--outputFile', report, file, '-t', pattern],
    { cwd: scratch.path },
  );
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void child.end('SIGKILL');
  }, RUN_MS_MAX);
  await Promise.all([text(child.stdout), child.ended]);
  clearTimeout(timer);
  return { ...(JSON.parse(await readFile(report, 'utf8')) as Report), timedOut };
}

/** What is wrong with the proof; undefined if the bug was noticed. */
async function prove(scratch: Scratch, bug: SeededBug): Promise<string | undefined> {
  const path = scratch.file(bug.file);
  const source = await readFile(path, 'utf8');
  if (source.split(bug.find).length !== 2) return `"${bug.find}" does not occur exactly once in ${bug.file}`;
  await writeFile(
    path,
    source.replace(bug.find, () => bug.replace),
  );
  const { numPassedTests, numFailedTests, timedOut } = await runTests(scratch, bug.caughtBy);
  await writeFile(path, source);
  if (timedOut) return 'the tests did not end';
  if (numFailedTests > 0) return undefined;
  return numPassedTests > 0 ? 'NOT NOTICED' : 'no test ran';
}

const [wanted = ''] = process.argv.slice(2);
const bugs = SEEDED_BUGS.filter(({ name }) => name.includes(wanted));
if (bugs.length === 0) {
  process.stderr.write(`prove: no bug has "${wanted}" in its name. There are:\n`);
  for (const { name } of SEEDED_BUGS) process.stderr.write(`  ${name}\n`);
  process.exit(STATUS_USAGE);
}

await runInScratch('prove', async (scratch) => {
  for (const name of COPIED) await cp(join(ROOT, name), scratch.file(name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), scratch.file('node_modules'));
  let failures = 0;
  const say = (complaint: string | undefined, what: string): void => {
    if (complaint !== undefined) failures += 1;
    process.stdout.write(
      `${complaint === undefined ? 'ok    ' : 'FAILED'} ${what}${complaint ? `: ${complaint}` : ''}\n`,
    );
  };

  const tests = new Map(bugs.map(({ caughtBy }) => [`${caughtBy.file} ${caughtBy.title}`, caughtBy]));
  for (const [what, caughtBy] of tests) {
    const { numPassedTests, numFailedTests } = await runTests(scratch, caughtBy);
    if (numFailedTests > 0 || numPassedTests === 0) say('does not pass without any bug', what);
  }
  for (const bug of bugs) say(await prove(scratch, bug), bug.name);
  process.stdout.write(`${bugs.length - failures} of ${bugs.length} bugs noticed\n`);
  return failures === 0 ? 0 : 1;
});
