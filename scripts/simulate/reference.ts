/**
 * What the literature, and ideal tables, lead to expect; each figure with its source. Ideal tables are those of a
 * stand-alone computation that fills every table slot for which a node exists, without any of this project's code; it
 * meets the Pastry paper's mean at 100,000 nodes and 32 bits (3.976 against 3.978), so it is a fair yardstick for 16.
 */

/** As they are named beside a figure. */
export const SOURCES = {
  pastry: 'Pastry paper',
  ideal: 'ideal tables',
  mspastry: 'MSPastry',
};

export const CITATIONS = [
  'Pastry paper: A. Rowstron, P. Druschel, “Pastry: Scalable, decentralized object location and routing for large-scale peer-to-peer systems”, Middleware 2001.',
  'MSPastry: M. Castro, M. Costa, A. Rowstron, “Performance and dependability of structured peer-to-peer overlays”, DSN 2004.',
  'Ideal tables: a stand-alone computation that fills every table slot for which there is a node, without the code of this project. At 100,000 nodes and 32 bits it gives 3.98 mean hops, as the Pastry paper does.',
];

/** Mean hops for random keys at 16 bits, digits of four bits, leaf set of 16, from ideal tables. */
export const IDEAL_HOPS: readonly (readonly [nodes: number, hops: number])[] = [
  [64, 1.53],
  [256, 1.94],
  [1_024, 2.47],
  [4_096, 2.88],
  [5_000, 2.94],
  [10_000, 3.21],
  [16_384, 3.42],
  [32_768, 3.63],
  [65_536, 3.73],
];

/** Pastry paper, figure 5: 100,000 nodes, 32 bits here (128 there, which makes no difference). */
export const PASTRY_NODES = 100_000;
export const PASTRY_HOPS = 3.98;
/** By the number of hops; nobody took none. */
export const PASTRY_HOP_SHARES: readonly number[] = [0, 0.0006, 0.0156, 0.1643, 0.6449, 0.1745];

/** Filled slots of a 16-bit table, from ideal tables. */
const IDEAL_SLOTS: readonly (readonly [nodes: number, slots: number])[] = [
  [1_000, 33],
  [10_000, 46],
  [65_536, 60],
];

/** Route length over direct distance, with table entries nearby (Pastry paper, figure 6) and with arbitrary ones. */
export const STRETCH_NEARBY = [1.3, 1.4] as const;
export const STRETCH_ARBITRARY = [2.5, 3.7] as const;

export const MSPASTRY_CONTROL_PER_NODE_SECOND = 0.245;
/** Remote calls per failed node, Pastry paper, figure 10. */
export const PASTRY_REPAIR_CALLS = 57;

/** Pastry paper, 2.4: about 3 · 2^b · log16 N messages. */
export function joinMessagesExpected(nodes: number): number {
  return (48 * Math.log2(nodes)) / 4;
}

/** Between two points the curve is taken as straight over log N. Undefined outside of them. */
function interpolate(points: readonly (readonly [number, number])[], nodes: number): number | undefined {
  for (const [index, [to, value]] of points.entries()) {
    if (to === nodes) return value;
    const before = points[index - 1];
    if (to < nodes || before === undefined) continue;
    const [from, valueBefore] = before;
    if (nodes < from) continue;
    return valueBefore + ((value - valueBefore) * Math.log(nodes / from)) / Math.log(to / from);
  }
  return undefined;
}

export function hopsExpected(nodes: number, bits: number, leafSet: number): number | undefined {
  if (bits === 32) return nodes === PASTRY_NODES ? PASTRY_HOPS : undefined;
  return leafSet === 16 ? interpolate(IDEAL_HOPS, nodes) : undefined;
}

export function slotsExpected(nodes: number, bits: number): number | undefined {
  return bits === 16 ? interpolate(IDEAL_SLOTS, nodes) : undefined;
}
