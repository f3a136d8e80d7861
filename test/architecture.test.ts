/**
 * Holds the house rules on the project as it is. That each rule catches what it should is shown by
 * architecture/house-rules.test.ts.
 */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  barrels,
  importCycles,
  platformImports,
  unknownLayers,
  unusedExports,
  upwardImports,
} from './architecture/layer-rules.ts';
import { readSources } from './architecture/source.ts';
import {
  fixedSleeps,
  impureCalls,
  longFiles,
  longFunctions,
  missingHeaders,
  oddFileNames,
  testsLeftOut,
} from './architecture/text-rules.ts';

const ROOT = join(import.meta.dirname, '..');
const code = readSources(ROOT, ['src']);
const scripts = readSources(ROOT, ['scripts']);
const tests = readSources(ROOT, ['test']);
const tested = tests.filter(({ path }) => path.endsWith('.test.ts'));

describe('the house rules', () => {
  it('finds the files it is about', () => {
    expect(code.length).toBeGreaterThan(10);
    expect(tested.length).toBeGreaterThan(1);
  });

  it.each([
    ['imports point down the layers', () => [...upwardImports(code), ...unknownLayers(code)]],
    ['pure layers import nothing of the platform', () => platformImports(code)],
    ['there is no import cycle', () => importCycles(code)],
    ['there is no barrel', () => barrels(code)],
    ['everything exported is used', () => unusedExports(code, [...code, ...scripts], tests)],
    ['files are short', () => longFiles([...code, ...scripts, ...tests])],
    ['functions fit on a screen', () => longFunctions([...code, ...scripts])],
    ['file names are in kebab-case', () => oddFileNames([...code, ...scripts, ...tests])],
    ['every file opens with what it is for', () => missingHeaders([...code, ...scripts])],
    ['pure layers have no clock, chance or timer', () => impureCalls(code)],
    ['no test is left out', () => testsLeftOut(tests)],
    ['tests wait for events, not for time', () => fixedSleeps(tested)],
  ])('%s', (_title, complaints) => {
    expect(complaints()).toEqual([]);
  });
});
