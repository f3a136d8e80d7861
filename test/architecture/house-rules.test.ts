/** Each house rule catches what it is there for: bad samples go in, complaints come out. */

import { describe, expect, it } from 'vitest';
import { barrels, importCycles, platformImports, unknownLayers, unusedExports, upwardImports } from './layer-rules.ts';
import { source } from './source.ts';
import {
  fixedSleeps,
  impureCalls,
  longFiles,
  longFunctions,
  missingHeaders,
  oddFileNames,
  testsLeftOut,
} from './text-rules.ts';

const lines = (count: number, line = 'f();'): string => `${line}\n`.repeat(count);

describe('layer rules', () => {
  it('catch an import upward, be it a type, dynamic or a re-export', () => {
    for (const text of [
      "import { a } from '../net/a.ts';",
      "import type { A } from '../net/a.ts';",
      "const a = await import('../net/a.ts');",
      "type A = import('../net/a.ts').A;",
      "export { a } from '../net/a.ts';",
    ]) {
      expect(upwardImports([source('src/id/x.ts', text)])).toEqual(['src/id/x.ts must not import src/net/a.ts']);
      expect(upwardImports([source('src/peer/x.ts', text)])).toEqual([]);
    }
  });

  it('let the simulator see pure layers only, and nobody see the simulator', () => {
    const importing = (path: string, target: string) => upwardImports([source(path, `import { a } from '${target}';`)]);
    expect(importing('src/sim/x.ts', '../overlay/a.ts')).toEqual([]);
    expect(importing('src/sim/x.ts', '../wire/a.ts')).toHaveLength(1);
    expect(importing('src/peer/x.ts', '../sim/a.ts')).toHaveLength(1);
    expect(importing('src/client/x.ts', '../lib.ts')).toHaveLength(1);
  });

  it('catch a folder that is in no layer', () => {
    expect(unknownLayers([source('src/util/x.ts', ''), source('src/id/x.ts', ''), source('src/lib.ts', '')])).toEqual([
      'src/util/x.ts is in no layer',
    ]);
  });

  it('catch a platform import in a pure layer', () => {
    const text = "import { readFileSync } from 'node:fs';";
    expect(platformImports([source('src/overlay/x.ts', text), source('src/net/x.ts', text)])).toHaveLength(1);
  });

  it('catch a cycle, also one of types', () => {
    const cycle = [
      source('src/id/a.ts', "import type { B } from './b.ts';"),
      source('src/id/b.ts', "import type { C } from './c.ts';"),
      source('src/id/c.ts', "import { a } from './a.ts';"),
    ];
    expect(importCycles(cycle)).toEqual(['src/id/a.ts → src/id/b.ts → src/id/c.ts → src/id/a.ts']);
    expect(importCycles(cycle.slice(0, 2))).toEqual([]);
  });

  it('catch barrels and re-exports', () => {
    expect(barrels([source('src/id/index.ts', 'export const a = 1;')])).toHaveLength(1);
    expect(barrels([source('src/id/all.ts', "export * from './a.ts';")])).toHaveLength(1);
    expect(barrels([source('src/lib.ts', "export * from './id/a.ts';")])).toEqual([]);
  });

  it('catch an export that nothing or only a test uses', () => {
    const a = source('src/id/a.ts', 'export const used = 1; export function idle() {} export type Shape = {};');
    const user = source('src/net/b.ts', "import { used as mine } from '../id/a.ts';");
    const complaints = ['idle', 'Shape'].map((name) => `src/id/a.ts exports ${name}, which nothing uses`);
    expect(unusedExports([a], [a, user])).toEqual(complaints);
    const alive = source('src/id/d.ts', 'export const part = 1; export const dead = 2; f(part);');
    const test = source('test/id/d.test.ts', "import { part, dead } from '../../src/id/d.ts';");
    expect(unusedExports([alive], [alive], [test])).toEqual(['src/id/d.ts exports dead, which nothing uses']);
    expect(unusedExports([alive], [alive])).toHaveLength(2);
    const options = source('src/id/c.ts', 'export type Options = {}; export function run(options: Options) {}');
    expect(unusedExports([options], [source('src/net/b.ts', "import { run } from '../id/c.ts';")])).toEqual([]);
    expect(unusedExports([a], [source('src/net/b.ts', "import * as all from '../id/a.ts';")])).toEqual([]);
  });
});

describe('text rules', () => {
  it('catch long files and long functions', () => {
    expect(longFiles([source('src/id/a.ts', lines(300))])).toEqual([]);
    expect(longFiles([source('src/id/a.ts', lines(301))])).toHaveLength(1);
    expect(longFunctions([source('src/id/a.ts', `function f() {\n${lines(68)}}\n`)])).toEqual([]);
    expect(longFunctions([source('src/id/a.ts', `const f = () => {\n${lines(69)}};\n`)])).toHaveLength(1);
    expect(longFunctions([source('src/id/a.ts', `class A {\n  m() {\n${lines(69)}}\n}\n`)])).toHaveLength(1);
  });

  it('catch names that are not in kebab-case, and missing headers', () => {
    const paths = ['src/id/leafSet.ts', 'src/id/leaf_set.ts', 'src/id/LeafSet.ts'];
    expect(oddFileNames(paths.map((path) => source(path, '')))).toHaveLength(3);
    expect(oddFileNames([source('src/id/leaf-set.ts', ''), source('test/id/leaf-set.test.ts', '')])).toEqual([]);
    expect(missingHeaders([source('src/id/a.ts', 'const a = 1;')])).toHaveLength(1);
    expect(missingHeaders([source('src/id/a.ts', '/** Why. */\nconst a = 1;')])).toEqual([]);
  });

  it('catch clocks, chance, timers and the process in pure code only', () => {
    for (const text of [
      'Date.now()',
      'new Date()',
      'Math.random()',
      'performance.now()',
      'setTimeout(f, 1)',
      'process.exit()',
    ]) {
      expect(impureCalls([source('src/overlay/a.ts', text)]), text).toHaveLength(1);
      expect(impureCalls([source('src/peer/a.ts', text)]), text).toEqual([]);
    }
    expect(impureCalls([source('src/overlay/a.ts', 'Math.floor(1); this.random(); lookup.process(1)')])).toEqual([]);
  });

  it('catch tests left out, and fixed sleeps', () => {
    expect(
      testsLeftOut([source('test/a.test.ts', "it.only('x', f); describe.skip('y', f); it('z', f);")]),
    ).toHaveLength(2);
    const sleep = 'await new Promise((resolve) => setTimeout(resolve, 100));';
    expect(fixedSleeps([source('test/a.test.ts', sleep)])).toHaveLength(1);
    expect(fixedSleeps([source('test/a.test.ts', "import { setTimeout } from 'node:timers/promises';")])).toHaveLength(
      1,
    );
    expect(fixedSleeps([source('test/a.test.ts', 'const timer = setTimeout(fail, 100);')])).toEqual([]);
  });
});
