/** What a person types and reads: wrong usage is refused with a reason, and a report needs nothing but itself. */

import { describe, expect, it } from 'vitest';
import { parseArguments, UsageError } from '../../scripts/simulate/arguments.ts';
import { commandLine } from '../../scripts/simulate/command-line.ts';
import { renderPage } from '../../scripts/simulate/page.ts';
import { hopsExpected } from '../../scripts/simulate/reference.ts';
import { runExperiment } from '../../src/sim/experiment.ts';
import type { ExperimentOptions } from '../../src/sim/experiment-options.ts';

function experimentOf(words: readonly string[]): ExperimentOptions {
  const args = parseArguments(words);
  if (args.help) throw new Error('help was not asked for');
  return args.experiment;
}

describe('the arguments', () => {
  it.each([
    [['--nodes', 'many'], /--nodes/],
    [['--nodes', '65537'], /--nodes/],
    [['--nodes', '10.5'], /whole number/],
    [['--nodes', ''], /--nodes/],
    [['--bits', '24'], /16 or 32/],
    [['--leaf-set', '7'], /even/],
    [['--leaf-set', '64'], /--leaf-set/],
    [['--fail', '2'], /--fail/],
    [['--fail', '0.1', '--churn', '60'], /only one/],
    [['--nodes', '65536', '--join', '1'], /no place/],
    [['--cut', 'bridge'], /--partition/],
    [['--colour', 'blue'], /--colour/],
    [['more'], /more/],
  ])('%j are refused with the reason', (args, reason) => {
    expect(() => parseArguments(args)).toThrow(UsageError);
    expect(() => parseArguments(args)).toThrow(reason);
  });

  it.each([
    '--nodes 300 --bits 32 --leaf-set 8 --lookups 500 --churn 300 --loss 0.01 --minutes 3 --settle 1 --ids balanced --seed 7',
    '--nodes 100 --lookups 20000 --partition 600 --cut one-way --seed 1',
    '--nodes 100 --lookups 20000 --restart --seed 1',
  ])('%s come back as the command that repeats the run', (line) => {
    expect(commandLine(experimentOf(line.split(' ')))).toBe(`npm run simulate -- ${line}`);
  });
});

describe('the reference', () => {
  it('is the curve of ideal tables, between its points too, and of nothing else', () => {
    expect(hopsExpected(1_024, 16, 16)).toBe(2.47);
    expect(hopsExpected(512, 16, 16)).toBeCloseTo((1.94 + 2.47) / 2);
    expect(hopsExpected(10, 16, 16)).toBeUndefined();
    expect(hopsExpected(1_024, 16, 8)).toBeUndefined();
    expect(hopsExpected(100_000, 32, 16)).toBe(3.98);
  });
});

describe('the page', () => {
  it('holds figures and finished charts, and asks nobody for anything', () => {
    const options = experimentOf(['--nodes', '30', '--lookups', '100', '--settle', '0.1']);
    const experiment = runExperiment(options);
    let step = experiment.next();
    while (!step.done) step = experiment.next();
    const figures = { ...step.value.figures, wallSeconds: 1, peakRssBytes: 1e8 };
    const page = renderPage({ options, figures, traffic: step.value.traffic }, []);
    expect(page.match(/<svg role="img" aria-label="[^"]+"/g)).toHaveLength(4);
    expect(page).toContain(`>${figures.meanHops?.toFixed(3) ?? ''}<`);
    expect(page).toContain(commandLine(options));
    expect(page).not.toMatch(/<script|<link|@import|src=|NaN|undefined/);
    expect(page.replaceAll(/xmlns(:xlink)?="[^"]+"/g, '')).not.toContain('http');
  });
});
