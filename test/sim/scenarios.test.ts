/** Replays every file of scenarios/, and holds the little language to its promise: errors name file and line. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readScenario, runScenario } from './scenario-runner.ts';

const DIRECTORY = join(import.meta.dirname, 'scenarios');
const files = readdirSync(DIRECTORY).filter((name) => name.endsWith('.scenario'));

describe('scenarios', () => {
  for (const name of files) {
    const scenario = readScenario(name, readFileSync(join(DIRECTORY, name), 'utf8'));
    it(`${name}: ${scenario.title}`, () => {
      for (const seed of scenario.seeds) runScenario(scenario, seed);
    });
  }
});

describe('a scenario that is wrong', () => {
  const run = (text: string) => (): unknown => runScenario(readScenario('some.scenario', `# Title\n${text}`), 1);

  it.each([
    ['jump 0000', 'some.scenario:2 (seed 1): jump 0000\n  there is no command "jump"'],
    ['ring 0000 8000\nkill 4000', 'some.scenario:3 (seed 1): kill 4000\n  no machine has this id'],
    ['ring 0000 80', 'some.scenario:2 (seed 1): ring 0000 80\n  too much: "80"'],
    ['ring 0000\nhalf 2', 'some.scenario:3 (seed 1): half 2\n  must stand before the ring'],
    ['ring 0000\n# gap\n\nexpect luck', 'some.scenario:5 (seed 1): expect luck\n  there is no such expectation'],
    ['ring 0000\nrun fast', 'some.scenario:3 (seed 1): run fast\n  "fast" is no span of time'],
    ['seeds 3', 'some.scenario:2: seeds 3\n  "seeds 1..5" expected'],
    ['ring 0000 8000\nkill 8000\nkill 8000', 'some.scenario:4 (seed 1): kill 8000\n  8000 is not up'],
  ])('says where, and what was wanted: %j', (text, message) => {
    expect(run(text)).toThrow(message);
  });

  it.each([
    ['expect leaf set 0000 = 4000', '  it is 8000'],
    ['expect joined 8000\nkill 8000\nexpect ring 0000 8000', '  8000 is not active'],
    ['expect root 7000 = 0000 from 8000 within 1s', '  asked at 8000: 8000, not 0000'],
    ['expect replicas 7000 2 at 0000 = 0000 8000', '  they are 8000 0000'],
    ['kill 8000\nexpect nobody given up within 1s\nrun 10s\nexpect nobody given up', '  0000 gave 8000 up'],
    ['lookup 7000 from 8000\nexpect unanswered 7000', '  answered by 8000'],
    ['cut 0000 | 8000\nrun 30s\nexpect one ring', '  leaf set of 0000 is nobody, not 8000'],
    ['expect copies dropped', '  no copy was dropped'],
    ['expect held 7000', '  nobody holds it'],
    ['kill 8000\nreplace 8000 via 0000\nexpect present contact of 8000 at its leaves', 'has peer-8000 at'],
  ])('says what did not come true: %j', (text, message) => {
    expect(run(`ring 0000 8000\nrun 1s\n${text}`)).toThrow(message);
  });
});
