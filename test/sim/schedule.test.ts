/**
 * Random schedules of faults. A seed that has failed once is kept in regression-seeds.ts; SCHEDULES=500 runs so many
 * others. What fails prints its seed; `roughSchedule(seed)` or `cleanSchedule(seed)` is then the scenario to read and
 * to shorten.
 */

import { describe, expect, it } from 'vitest';
import { REGRESSION_SEEDS } from './regression-seeds.ts';
import { readScenario, runScenario } from './scenario-runner.ts';
import { cleanSchedule, roughSchedule } from './schedule.ts';

const FRESH = Number(process.env.SCHEDULES ?? 40);
const FIRST_FRESH = 1_000_000;
const TIMEOUT = { timeout: 60_000 + 1_000 * FRESH };

const fresh = Array.from({ length: FRESH }, (_, i) => FIRST_FRESH + i);

/** What did not come true, and with which seeds. */
function complaints(make: (seed: number) => string, seeds: readonly number[]): string[] {
  return seeds.flatMap((seed) => {
    try {
      runScenario(readScenario('schedule', make(seed)), seed);
      return [];
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return [error.message];
    }
  });
}

describe('after joins, kills, stops, returns, leaves, pauses, cuts and loss in any order', () => {
  it('the ring is one and exact again where once it was not', TIMEOUT, () => {
    expect(complaints(roughSchedule, REGRESSION_SEEDS)).toEqual([]);
  });

  it('the ring is one and exact again whatever the seed', TIMEOUT, () => {
    expect(complaints(roughSchedule, fresh)).toEqual([]);
  });
});

describe('during joins, kills, stops, returns and leaves in any order', () => {
  it('nobody but the root ever delivers, and every lookup is answered', TIMEOUT, () => {
    expect(complaints(cleanSchedule, fresh)).toEqual([]);
  });
});

describe('a schedule', () => {
  it('is the same whenever it is made of a seed', () => {
    for (const make of [roughSchedule, cleanSchedule]) {
      expect(make(7)).toBe(make(7));
      expect(make(7)).not.toBe(make(8));
    }
  });
});
