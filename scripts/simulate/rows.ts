/** The figures of a run in words, each beside what the literature leads to expect: for the table and for the page. */

import type { ExperimentOptions } from '../../src/sim/experiment-options.ts';
import {
  hopsExpected,
  joinMessagesExpected,
  MSPASTRY_CONTROL_PER_NODE_SECOND,
  PASTRY_REPAIR_CALLS,
  slotsExpected,
  SOURCES,
  STRETCH_NEARBY,
} from './reference.ts';
import type { RunFigures } from './run-figures.ts';

export type FigureRow = {
  readonly what: string;
  readonly seen: string;
  readonly expected: string;
  readonly source: string;
};

export function formatNumber(value: number | null | undefined, digits: number): string {
  if (value === null || value === undefined) return '';
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function percent(value: number | null): string {
  return value === null ? '' : `${formatNumber(value * 100, 2)} %`;
}

/** The size of the ring in which the lookups were made. */
export function nodesMeasured({ nodes, disturbance }: ExperimentOptions): number {
  if (disturbance.kind === 'join') return nodes + disturbance.joiners;
  return disturbance.kind === 'fail' ? nodes - Math.floor(nodes * disturbance.share) : nodes;
}

/** Rings up to this size are known whole, or nearly so, and say little about tables. */
const LEAF_SET_RINGS = 64;

/** What, seen, to be expected, after whom. */
type Row = readonly [string, string, string?, string?];

/** Rows of what this run has measured; what it has not is left out. */
export function figureRows(options: ExperimentOptions, figures: RunFigures): FigureRow[] {
  return [...routeRows(options, figures), ...upkeepRows(options, figures), ...faultRows(figures)]
    .filter(([, seen]) => seen !== '')
    .map(([what, seen, expected = '', source = '']) => ({
      what,
      seen,
      expected,
      source: expected === '' ? '' : source,
    }));
}

function routeRows(options: ExperimentOptions, figures: RunFigures): Row[] {
  const { nodes, bits, leafSet } = options;
  const { pastry, ideal } = SOURCES;
  const measured = nodesMeasured(options);
  const hops = (size: number): string => formatNumber(hopsExpected(size, bits, leafSet), 2);
  const { hopsBefore, hopsAfter, routeStretch } = figures;
  return [
    ['lookups', formatNumber(figures.lookups, 0)],
    ['mean hops', formatNumber(figures.meanHops, 3), hops(measured), bits === 16 ? ideal : `${pastry}, fig. 5`],
    ['mean hops before the failures', formatNumber(hopsBefore, 3), hops(nodes), ideal],
    ['mean hops after the repair', formatNumber(hopsAfter, 3), formatNumber(hopsBefore, 3), 'as before'],
    ['most hops', formatNumber(figures.maxHops, 0), measured > LEAF_SET_RINGS ? '≤ 5' : '', `${pastry}, fig. 5`],
    [
      'lookups with a rare-case hop',
      percent(figures.rareCaseShare),
      bits === 16 && measured > LEAF_SET_RINGS ? '0.5 to 10 %' : '',
      ideal,
    ],
    [
      'route length over direct distance',
      formatNumber(routeStretch, 2),
      measured > LEAF_SET_RINGS ? STRETCH_NEARBY.join(' to ') : '',
      `${pastry}, fig. 6`,
    ],
    [
      'filled table slots',
      formatNumber(figures.tableSlotsMean, 1),
      formatNumber(slotsExpected(measured, bits), 0),
      ideal,
    ],
  ];
}

function upkeepRows({ nodes, disturbance }: ExperimentOptions, figures: RunFigures): Row[] {
  const { pastry, mspastry } = SOURCES;
  const join = formatNumber(figures.joinMessagesMean, 1);
  const control = formatNumber(figures.controlMessagesPerNodeSecond, 3);
  const controlExpected = formatNumber(MSPASTRY_CONTROL_PER_NODE_SECOND, 3);
  const repair = formatNumber(figures.repairMessagesPerFailure, 1);
  const churns = disturbance.kind === 'churn';
  const heals = ['partition', 'join', 'restart'].includes(disturbance.kind);
  const healed = formatNumber(figures.healedAfterSeconds, 0);
  return [
    ['messages per join, without acks', join, `≤ ${formatNumber(joinMessagesExpected(nodes), 0)}`, `${pastry}, 2.4`],
    ['control messages per node and second', control, churns ? controlExpected : '', `${mspastry}, under churn`],
    ['repair messages per failed node', repair, `${PASTRY_REPAIR_CALLS}`, `${pastry}, fig. 10`],
    ['seconds until every leaf set was right', heals && healed === '' ? 'never' : healed],
  ];
}

/** What went wrong, and what the run cost. */
function faultRows(figures: RunFigures): Row[] {
  return [
    ['deliveries at a wrong node', formatNumber(figures.wrongDeliveries, 0), '0', SOURCES.mspastry],
    ['answers from a wrong root', formatNumber(figures.wrongRootLookups, 0), '0'],
    ['lost lookups', formatNumber(figures.lostLookups, 0), '≤ 1.6e-5', SOURCES.mspastry],
    ['lookups whose origin was killed', formatNumber(figures.abandonedLookups, 0)],
    ['lookups held back on their way', formatNumber(figures.heldLookups, 0)],
    ['wrong leaf sets at the end', formatNumber(figures.leafSetErrors, 0), '0'],
    ['wall time, s', formatNumber(figures.wallSeconds, 1)],
    ['peak memory, MB', formatNumber(figures.peakRssBytes / 1e6, 0)],
  ];
}

export function describe(options: ExperimentOptions): string {
  const { nodes, bits, ids, loss, disturbance } = options;
  const ring = `${formatNumber(nodes, 0)} ${nodes === 1 ? 'node' : 'nodes'}, ${bits}-bit ids${ids === 'balanced' ? ' as the discovery peer gives them' : ''}`;
  const lossy = loss > 0 ? `, ${formatNumber(loss * 100, 1)} % of messages lost` : '';
  return `${ring}${lossy}${happening(disturbance)}`;
}

const CUTS = {
  halves: 'in two halves',
  bridge: 'in two halves with a bridge between them',
  'one-way': 'one half hears the other and is not heard',
};

function happening(disturbance: ExperimentOptions['disturbance']): string {
  switch (disturbance.kind) {
    case 'fail':
      return `, ${formatNumber(disturbance.share * 100, 0)} % die at once`;
    case 'churn':
      return `, churn with a median session of ${formatNumber(disturbance.sessionMedianSeconds / 60, 1)} min`;
    case 'partition':
      return `, ${CUTS[disturbance.cut]} for ${formatNumber(disturbance.seconds / 60, 1)} min`;
    case 'join':
      return `, ${formatNumber(disturbance.joiners, 0)} more join at once`;
    case 'restart':
      return ', all restart at once';
    case 'none':
      return '';
  }
}
