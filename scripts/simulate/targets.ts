/**
 * What must be seen of the routing before it may be called good: the runs to make, and the bounds that their figures
 * have to keep. Small rings are averaged over several seeds, because one random ring of 64 nodes differs from the next
 * by some percent.
 */

import { defined } from '../../src/base/assert.ts';
import { hopsExpected, joinMessagesExpected, PASTRY_HOP_SHARES, PASTRY_HOPS, PASTRY_NODES } from './reference.ts';
import { formatNumber } from './rows.ts';
import type { RunFigures } from './run-figures.ts';

export type Criterion = {
  readonly what: string;
  readonly toReach: string;
  readonly judge: (runs: readonly RunFigures[]) => { readonly seen: string; readonly reached: boolean };
};

export type Target = {
  /** For --only. */
  readonly name: string;
  readonly title: string;
  /** The arguments of each run. */
  readonly runs: readonly (readonly string[])[];
  readonly criteria: readonly Criterion[];
  /** Its time is measured: nothing else runs beside it. */
  readonly alone?: boolean;
};

type Measure = (figures: RunFigures) => number | null;

function mean(runs: readonly RunFigures[], measure: Measure): number {
  return runs.reduce((sum, figures) => sum + (measure(figures) ?? NaN), 0) / runs.length;
}

function most(runs: readonly RunFigures[], measure: Measure): number {
  return Math.max(...runs.map((figures) => measure(figures) ?? NaN));
}

/** The greatest over all runs keeps a bound. */
function atMost(what: string, bound: number, unit: string, digits: number, measure: Measure): Criterion {
  return {
    what,
    toReach: `≤ ${formatNumber(bound, digits)}${unit}`,
    judge: (runs) => {
      const value = most(runs, measure);
      const seen = Number.isNaN(value) ? 'never' : `${formatNumber(value, digits)}${unit}`;
      return { seen, reached: value <= bound };
    },
  };
}

function none(what: string, measure: Measure): Criterion {
  return {
    what,
    toReach: 'none',
    judge: (runs) => {
      const sum = mean(runs, measure) * runs.length;
      return { seen: formatNumber(sum, 0), reached: sum === 0 };
    },
  };
}

function meanHopsWithin(nodes: number, share: number): Criterion {
  const expected = defined(hopsExpected(nodes, 16, 16), 'a size of the reference');
  return {
    what: 'mean hops',
    toReach: `${formatNumber(expected, 2)} ± ${formatNumber(share * 100, 0)} %`,
    judge: (runs) => {
      const hops = mean(runs, (figures) => figures.meanHops);
      return { seen: formatNumber(hops, 3), reached: Math.abs(hops / expected - 1) <= share };
    },
  };
}

const NOTHING_WRONG: readonly Criterion[] = [
  none('deliveries at a wrong node', (figures) => figures.wrongDeliveries),
  none('wrong leaf sets at the end', (figures) => figures.leafSetErrors),
];
const NOTHING_LOST = none('lost lookups', (figures) => figures.lostLookups);
const NO_WRONG_ROOT = none('answers from a wrong root', (figures) => figures.wrongRootLookups);

function seeds(count: number, args: readonly string[]): string[][] {
  return Array.from({ length: count }, (_, index) => [...args, '--seed', String(index + 1)]);
}

function hops(
  nodes: number,
  seedCount: number,
  lookups: number,
  share: number,
  hopsMax: number,
  options: readonly string[] = [],
): Target {
  return {
    name: `hops-${nodes}`,
    title: `${formatNumber(nodes, 0)} nodes${seedCount > 1 ? `, mean of ${seedCount} rings` : ''}`,
    runs: seeds(seedCount, ['--nodes', String(nodes), '--lookups', String(lookups), ...options]),
    criteria: [
      meanHopsWithin(nodes, share),
      atMost('most hops', hopsMax, '', 0, (figures) => figures.maxHops),
      atMost('messages per join, without acks', joinMessagesExpected(nodes), '', 0, (f) => f.joinMessagesMean),
      NOTHING_LOST,
      ...NOTHING_WRONG,
    ],
  };
}

const COST: readonly Criterion[] = [
  atMost('wall time, growth and lookups', 180, ' s', 0, (figures) => figures.wallSeconds),
  atMost('peak memory', 3_000, ' MB', 0, (figures) => figures.peakRssBytes / 1e6),
];

/** Nothing but what is timed: the joins, and the lookups as soon as all have joined. */
const LARGEST_COST: Target = {
  name: 'cost',
  title: '65,536 nodes joined and 200,000 lookups',
  runs: seeds(1, ['--nodes', '65536', '--lookups', '200000', '--settle', '0', '--minutes', '0.1']),
  criteria: [...COST, NOTHING_LOST, none('deliveries at a wrong node', (figures) => figures.wrongDeliveries)],
  alone: true,
};

const PAPER: Target = {
  name: 'hops-32-bits',
  title: `${formatNumber(PASTRY_NODES, 0)} nodes, 32-bit ids`,
  runs: seeds(1, [
    '--nodes',
    String(PASTRY_NODES),
    '--bits',
    '32',
    '--lookups',
    '200000',
    '--settle',
    '1',
    '--minutes',
    '0.3',
  ]),
  criteria: [
    {
      what: 'mean hops',
      toReach: `${PASTRY_HOPS} ± 0.02`,
      judge: (runs) => {
        const value = mean(runs, (figures) => figures.meanHops);
        return { seen: formatNumber(value, 3), reached: Math.abs(value - PASTRY_HOPS) <= 0.02 };
      },
    },
    {
      what: 'shares of 1 to 5 hops',
      toReach: `${PASTRY_HOP_SHARES.slice(1).join(' ')}, each ± 0.01`,
      judge: (runs) => {
        const shares = runs[0]?.hopShares ?? [];
        const length = Math.max(shares.length, PASTRY_HOP_SHARES.length);
        const off = Array.from({ length }, (_, i) => Math.abs((shares[i] ?? 0) - (PASTRY_HOP_SHARES[i] ?? 0)));
        return {
          seen: shares
            .slice(1)
            .map((share) => share.toFixed(4))
            .join(' '),
          reached: Math.max(...off) <= 0.01,
        };
      },
    },
    atMost('most hops', 5, '', 0, (figures) => figures.maxHops),
    NOTHING_LOST,
    ...NOTHING_WRONG,
  ],
};

const STRETCH: Target = {
  name: 'stretch',
  title: '5,000 nodes on a plane',
  runs: seeds(1, ['--nodes', '5000', '--lookups', '100000']),
  criteria: [
    atMost('route length over direct distance', 1.4, '', 2, (figures) => figures.routeStretch),
    ...NOTHING_WRONG,
  ],
};

const FAILURES: Target = {
  name: 'fail',
  title: '10 % of 5,000 nodes die at once',
  runs: seeds(1, ['--nodes', '5000', '--fail', '0.1', '--lookups', '100000', '--settle', '30']),
  criteria: [
    NOTHING_LOST,
    NO_WRONG_ROOT,
    {
      what: 'mean hops after the repair',
      toReach: 'as before ± 1 %',
      judge: (runs) => {
        const before = mean(runs, (figures) => figures.hopsBefore);
        const meanwhile = mean(runs, (figures) => figures.meanHops);
        const after = mean(runs, (figures) => figures.hopsAfter);
        const seen = [before, meanwhile, after].map((value) => formatNumber(value, 3)).join(' → ');
        return { seen, reached: Math.abs(after / before - 1) <= 0.01 };
      },
    },
    atMost('repair messages per failed node', 57, '', 1, (figures) => figures.repairMessagesPerFailure),
    ...NOTHING_WRONG,
  ],
};

const CHURN_SLOW: Target = {
  name: 'churn-60-min',
  title: 'churn, median session 60 min, 1,000 nodes',
  runs: seeds(1, ['--nodes', '1000', '--churn', '3600', '--lookups', '1000000', '--minutes', '60']),
  criteria: [
    NOTHING_LOST,
    ...NOTHING_WRONG,
    atMost('control messages per node and second', 0.5, '', 3, (figures) => figures.controlMessagesPerNodeSecond),
  ],
};

const CHURN_FAST: Target = {
  name: 'churn-5-min',
  title: 'churn, median session 5 min, 1,000 nodes, 1 % of messages lost',
  runs: seeds(1, ['--nodes', '1000', '--churn', '300', '--loss', '0.01', '--lookups', '3000000']),
  criteria: [
    atMost('lost lookups per 100,000', 1, '', 2, (figures) => (figures.lostLookups / figures.lookups) * 1e5),
    none('deliveries at a wrong node', (figures) => figures.wrongDeliveries),
  ],
};

function healing(name: string, title: string, args: readonly string[], seconds: number): Target {
  return {
    name,
    title,
    runs: seeds(3, args),
    criteria: [
      atMost('until every leaf set is right', seconds, ' s', 0, (figures) => figures.healedAfterSeconds ?? NaN),
      NO_WRONG_ROOT,
      NOTHING_LOST,
    ],
  };
}

export const TARGETS: readonly Target[] = [
  LARGEST_COST,
  hops(64, 20, 20_000, 0.01, 5),
  hops(256, 10, 20_000, 0.01, 5),
  hops(1_024, 4, 50_000, 0.01, 5),
  hops(4_096, 1, 100_000, 0.01, 5),
  hops(16_384, 1, 100_000, 0.01, 5),
  hops(65_536, 1, 200_000, 0.02, 4, ['--settle', '1', '--minutes', '0.3']),
  PAPER,
  STRETCH,
  FAILURES,
  CHURN_SLOW,
  CHURN_FAST,
  healing('join', '200 nodes join a ring of 200 at the same moment', ['--nodes', '200', '--join', '200'], 60),
  healing('restart', '200 nodes restart at the same moment', ['--nodes', '200', '--restart'], 60),
  healing('partition', '1,000 nodes, halves for 10 min', ['--nodes', '1000', '--partition', '600'], 120),
];
