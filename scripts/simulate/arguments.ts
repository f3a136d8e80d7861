/** The arguments of `npm run simulate`: what is asked for is an experiment, or help, or a mistake with its reason. */

import { parseArgs } from 'node:util';
import {
  defaultMinutes,
  defaultSettleMinutes,
  type Disturbance,
  type ExperimentOptions,
} from '../../src/sim/experiment-options.ts';

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const HELP = `Simulates a ring of real overlay nodes under virtual time, and holds it against the literature.

  npm run simulate -- [--nodes N] [--lookups M] [what happens] [options]

The ring grows by joins alone, settles, and looks up M random keys from random live nodes. A table goes to standard
output, a page with charts and its figures as JSON to storage/reports/. One seed, one result. With "npm run -s"
nothing else is printed.

What happens (at most one):
  --fail SHARE         this share of the nodes (at most 0.9) dies at once: lookups before, meanwhile and after
  --churn SECONDS      sessions of exponential length with this median; who goes is replaced by a newcomer
  --partition SECONDS  two halves for so long; then how long it takes until the ring is one
  --cut halves|bridge|one-way  what is cut meanwhile: both ways; all but 5 % of the machines; one way (halves)
  --join N             so many join at the same moment; then how long it takes until every leaf set is right
  --restart            all are killed and start at the same moment from what they remember; then the same

Options:
  --nodes N            size of the ring, at most 65536 with 16 bits (1000)
  --bits 16|32         width of node ids and keys (16)
  --leaf-set L         nodes in a full leaf set, even, from 2 to 32 (16)
  --lookups M          lookups, in each phase that makes some (20000)
  --minutes MINUTES    virtual time over which they are spread (one per node and second; with --fail 5,
                       with --churn at least a median session)
  --settle MINUTES     virtual time between the last join and the first lookup (10 up to 5,000 nodes, then less)
  --loss SHARE         probability that a message is lost, at most 0.5 (0)
  --ids random|balanced  random node ids, or those that the discovery peer gives (random)
  --seed SEED          a whole number (1)
  --json               one JSON object on standard output instead of table and page
  --help               this
`;

const OPTIONS = {
  nodes: { type: 'string', default: '1000' },
  bits: { type: 'string', default: '16' },
  'leaf-set': { type: 'string', default: '16' },
  lookups: { type: 'string', default: '20000' },
  minutes: { type: 'string' },
  settle: { type: 'string' },
  loss: { type: 'string', default: '0' },
  ids: { type: 'string', default: 'random' },
  seed: { type: 'string', default: '1' },
  fail: { type: 'string' },
  churn: { type: 'string' },
  partition: { type: 'string' },
  cut: { type: 'string' },
  join: { type: 'string' },
  restart: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const NODES_MAX = 1_000_000;
const LOOKUPS_MAX = 1e9;
const LEAF_SET_MAX = 32;
const MINUTES_MIN = 0.01;
const MINUTES_MAX = 100_000;

export type Arguments =
  { readonly help: true } | { readonly help: false; readonly json: boolean; readonly experiment: ExperimentOptions };

/** @throws UsageError with what is wrong, in words for the person who typed it */
export function parseArguments(args: readonly string[]): Arguments {
  const values = parse(args);
  if (values.help) return { help: true };
  const disturbance = disturbanceOf(values);
  const bits = oneOf('bits', values.bits, ['16', '32']) === '16' ? 16 : 32;
  const nodes = whole('nodes', values.nodes, 1, Math.min(NODES_MAX, 2 ** bits));
  const lookups = whole('lookups', values.lookups, 0, LOOKUPS_MAX);
  const leafSet = whole('leaf-set', values['leaf-set'], 2, LEAF_SET_MAX);
  if (leafSet % 2 !== 0) throw new UsageError('--leaf-set is even: as many nodes on either side');
  const joiners = disturbance.kind === 'join' ? disturbance.joiners : 0;
  if (nodes + joiners > 2 ** bits) throw new UsageError(`a ring of ${bits} bits has no place for so many nodes`);
  const minutes =
    values.minutes === undefined
      ? defaultMinutes(nodes, lookups, disturbance)
      : number('minutes', values.minutes, MINUTES_MIN, MINUTES_MAX);
  const settleMinutes =
    values.settle === undefined ? defaultSettleMinutes(nodes) : number('settle', values.settle, 0, MINUTES_MAX);
  return {
    help: false,
    json: values.json,
    experiment: {
      ...{ nodes, bits, leafSet, lookups, minutes, settleMinutes, disturbance },
      seed: whole('seed', values.seed, 0, 2 ** 32 - 1),
      ids: oneOf('ids', values.ids, ['random', 'balanced']),
      loss: number('loss', values.loss, 0, 0.5),
    },
  };
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

function parse(args: readonly string[]): Values {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    const isUsage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    if (!isUsage) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

function disturbanceOf(values: Values): Disturbance {
  const asked: Disturbance[] = [];
  if (values.fail !== undefined) asked.push({ kind: 'fail', share: number('fail', values.fail, 0.0001, 0.9) });
  if (values.churn !== undefined) {
    asked.push({ kind: 'churn', sessionMedianSeconds: number('churn', values.churn, 1, 1e7) });
  }
  if (values.partition !== undefined) {
    const cut = oneOf('cut', values.cut ?? 'halves', ['halves', 'bridge', 'one-way']);
    asked.push({ kind: 'partition', seconds: number('partition', values.partition, 1, 1e6), cut });
  }
  if (values.join !== undefined) asked.push({ kind: 'join', joiners: whole('join', values.join, 1, NODES_MAX) });
  if (values.restart) asked.push({ kind: 'restart' });
  if (values.cut !== undefined && values.partition === undefined) throw new UsageError('--cut goes with --partition');
  if (asked.length > 1) {
    throw new UsageError(`only one of ${asked.map(({ kind }) => `--${kind}`).join(', ')} can happen in one run`);
  }
  return asked[0] ?? { kind: 'none' };
}

function number(name: string, text: string, least: number, most: number): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= least && value <= most)) {
    throw new UsageError(`--${name} is a number from ${least} to ${most}, not '${text}'`);
  }
  return value;
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = number(name, text, least, most);
  if (!Number.isInteger(value)) throw new UsageError(`--${name} is a whole number, not '${text}'`);
  return value;
}

function oneOf<const T extends string>(name: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((word) => word === text);
  if (choice === undefined) throw new UsageError(`--${name} is ${choices.join(' or ')}, not '${text}'`);
  return choice;
}
