/** The four charts of a report page, from one run and those kept earlier. */

import type { TrafficPoint } from '../../src/sim/control-traffic.ts';
import { axis, COLOURS, renderChart } from './chart.ts';
import type { KeptRun } from './kept-runs.ts';
import {
  IDEAL_HOPS,
  MSPASTRY_CONTROL_PER_NODE_SECOND,
  PASTRY_HOP_SHARES,
  PASTRY_HOPS,
  PASTRY_NODES,
  STRETCH_ARBITRARY,
  STRETCH_NEARBY,
} from './reference.ts';
import { nodesMeasured } from './rows.ts';

/** Points that a line of this width can show. */
const TRAFFIC_POINTS_MAX = 400;
/** Where the axis of the traffic begins: growth and rest lie two decades apart, so it is logarithmic. */
const TRAFFIC_MIN = 0.01;

const THIS_RUN = {
  name: 'this run',
  type: 'scatter',
  symbolSize: 14,
  itemStyle: { color: COLOURS.run, opacity: 1 },
  z: 4,
} as const;
const EARLIER_RUNS = {
  name: 'earlier runs',
  type: 'scatter',
  symbolSize: 8,
  itemStyle: { color: 'transparent', borderColor: COLOURS.muted, borderWidth: 1.5, opacity: 1 },
  z: 3,
} as const;

/** One decade below the smallest ring of the curve, and room right of the largest. */
const NODES_AXIS = { ...axis('nodes', 32), type: 'log', min: 10, max: 1_000_000 } as const;

/** Mean hops over the size of the ring. */
export function hopsOverNodes(run: KeptRun, earlier: readonly KeptRun[]): string {
  const point = ({ options, figures }: KeptRun) => [nodesMeasured(options), figures.meanHops];
  return renderChart('Mean hops over the number of nodes', {
    xAxis: NODES_AXIS,
    yAxis: { ...axis('mean hops', 40), type: 'value', min: 0, max: 5 },
    series: [
      {
        name: 'ideal tables, 16 bits',
        type: 'line',
        data: IDEAL_HOPS.map(([nodes, hops]) => [nodes, hops]),
        symbolSize: 5,
        lineStyle: { color: COLOURS.reference },
        itemStyle: { color: COLOURS.reference },
      },
      {
        name: 'Pastry paper',
        type: 'scatter',
        symbol: 'diamond',
        symbolSize: 12,
        data: [[PASTRY_NODES, PASTRY_HOPS]],
        itemStyle: { color: COLOURS.reference, opacity: 1 },
      },
      { ...EARLIER_RUNS, data: earlier.map(point) },
      { ...THIS_RUN, data: [point(run)] },
    ],
  });
}

/** Shares of lookups by their number of hops; beside them the paper's where the ring is of the same kind. */
export function hopHistogram({ figures }: KeptRun): string {
  const comparable = figures.bits === 32 && figures.nodes === PASTRY_NODES;
  const columns = Math.max(figures.hopShares.length, comparable ? PASTRY_HOP_SHARES.length : 0);
  const shares = (values: readonly number[]) => Array.from({ length: columns }, (_, hops) => (values[hops] ?? 0) * 100);
  const bars = (name: string, color: string, values: readonly number[]) => ({
    name,
    type: 'bar' as const,
    barMaxWidth: 60,
    data: shares(values),
    itemStyle: { color },
    label: {
      show: true,
      position: 'top' as const,
      color: COLOURS.ink,
      formatter: ({ value }: { value?: unknown }) => Number(value).toFixed(2),
    },
  });
  return renderChart('Share of lookups by number of hops', {
    xAxis: { ...axis('hops', 32), type: 'category', data: shares([]).map((_, hops) => String(hops)) },
    yAxis: { ...axis('share of lookups, %', 44), type: 'value' },
    series: [
      bars('this run', COLOURS.run, figures.hopShares),
      ...(comparable ? [bars('Pastry paper', COLOURS.reference, PASTRY_HOP_SHARES)] : []),
    ],
  });
}

/** Control messages per node over virtual time, with the beginnings of the phases. */
export function controlTraffic({ traffic }: KeptRun): string {
  const points = thinned(traffic);
  const beginnings = traffic.filter(({ phase }, index) => traffic[index - 1]?.phase !== phase);
  const last = traffic.at(-1)?.atSeconds ?? 0;
  // Phases that follow each other closely would write their names over each other.
  const named = beginnings.filter(({ atSeconds }, index) => {
    const next = beginnings[index + 1]?.atSeconds ?? last;
    return next - atSeconds > last / 12;
  });
  return renderChart('Control messages per node and second over virtual time', {
    xAxis: { ...axis('virtual time, s', 32), type: 'value', min: 0, max: Math.ceil(last) },
    yAxis: { ...axis('messages per node and second', 44), type: 'log', min: TRAFFIC_MIN },
    series: [
      {
        name: 'this run',
        type: 'line',
        showSymbol: false,
        step: 'end',
        data: points.map(({ atSeconds, perNodeSecond }) => [atSeconds, Math.max(TRAFFIC_MIN, perNodeSecond)]),
        lineStyle: { color: COLOURS.run, width: 1.5 },
        itemStyle: { color: COLOURS.run },
        markLine: {
          silent: true,
          symbol: 'none',
          lineStyle: { color: COLOURS.muted, type: 'dashed' },
          label: { color: COLOURS.muted, position: 'end', align: 'left', formatter: '{b}' },
          data: named.map(({ atSeconds, phase }) => ({ name: phase, xAxis: atSeconds })),
        },
      },
      {
        name: 'MSPastry, under churn',
        type: 'line',
        showSymbol: false,
        data: [
          [0, MSPASTRY_CONTROL_PER_NODE_SECOND],
          [last, MSPASTRY_CONTROL_PER_NODE_SECOND],
        ],
        lineStyle: { color: COLOURS.reference, type: 'dashed' },
        itemStyle: { color: COLOURS.reference },
      },
    ],
  });
}

/** The mean of neighbouring points where there are more than can be told apart. */
function thinned(points: readonly TrafficPoint[]): TrafficPoint[] {
  const per = Math.ceil(points.length / TRAFFIC_POINTS_MAX);
  return points.flatMap((_, index) => {
    if (index % per !== 0) return [];
    const group = points.slice(index, index + per);
    const last = group.at(-1);
    const mean = group.reduce((sum, { perNodeSecond }) => sum + perNodeSecond, 0) / group.length;
    return last === undefined ? [] : [{ ...last, perNodeSecond: mean }];
  });
}

/** Length of the routes over the direct distances, over the size of the ring. */
export function stretchOverNodes(run: KeptRun, earlier: readonly KeptRun[]): string {
  const point = ({ options, figures }: KeptRun) => [nodesMeasured(options), figures.routeStretch];
  const band = (name: string, [from, to]: readonly [number, number]) =>
    [{ name, yAxis: from, itemStyle: { color: COLOURS.band } }, { yAxis: to }] as [
      { name: string; yAxis: number; itemStyle: { color: string } },
      { yAxis: number },
    ];
  return renderChart('Route length over direct distance, over the number of nodes', {
    xAxis: NODES_AXIS,
    yAxis: { ...axis('route length / direct distance', 40), type: 'value', min: 1, max: 4 },
    series: [
      { ...EARLIER_RUNS, data: earlier.map(point) },
      {
        ...THIS_RUN,
        data: [point(run)],
        markArea: {
          silent: true,
          label: { color: COLOURS.ink, position: 'insideLeft', fontSize: 12 },
          data: [
            band('Pastry paper: nearby table entries', STRETCH_NEARBY),
            band('arbitrary table entries', STRETCH_ARBITRARY),
          ],
        },
      },
    ],
  });
}
