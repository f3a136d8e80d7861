/**
 * What an experiment has found, in numbers that can be held against the literature. `null` stands for what this
 * experiment did not measure. The names are those of the JSON that `npm run simulate -- --json` prints.
 */

export type Figures = {
  readonly nodes: number;
  readonly bits: number;
  readonly leafSet: number;
  readonly seed: number;
  /** Begun in the measured phase. */
  readonly lookups: number;
  /** Of answered lookups: messages from node to node until the root has it; 0 where origin and root are one. */
  readonly meanHops: number | null;
  /** Shares of answered lookups; the index is the number of hops. */
  readonly hopShares: readonly number[];
  readonly maxHops: number | null;
  /** Filled slots of a routing table, at the end. */
  readonly tableSlotsMean: number | null;
  /** Share of answered lookups with at least one hop for which neither leaf set nor table had the next node. */
  readonly rareCaseShare: number | null;
  /** Length of all routes over the direct distances from origin to root. */
  readonly routeStretch: number | null;
  /**
   * Messages but acknowledgements and heartbeats sent while the ring grew, over the number of joins. So it also
   * holds what the nodes that were there sent meanwhile: their probes and swaps, and everything twice that was lost.
   */
  readonly joinMessagesMean: number | null;
  /** Everything but lookups, their answers, and the acknowledgements of both, per live node and virtual second. */
  readonly controlMessagesPerNodeSecond: number | null;
  /** Deliveries at a node that was not the closest live one at that moment. */
  readonly wrongDeliveries: number;
  /** Without an answer at the origin within 30 s, whatever the reason; those whose origin was killed stand apart. */
  readonly lostLookups: number;
  /** Held back on their way at least once. */
  readonly heldLookups: number;
  /** Live nodes whose leaf set is not the true one, at the end. */
  readonly leafSetErrors: number;
  /** Control messages in the window after nodes were killed, less those of the window before, for each killed. */
  readonly repairMessagesPerFailure: number | null;
  /** Mean hops in the windows of equal length before the nodes were killed and after the repair. */
  readonly hopsBefore: number | null;
  readonly hopsAfter: number | null;
  /** Virtual time until every leaf set was the true one again. Null also when it never was. */
  readonly healedAfterSeconds: number | null;
  /** Answers by another than the closest live node. Null under churn, where the truth changes under way. */
  readonly wrongRootLookups: number | null;
  /** The origin was killed before the answer came. */
  readonly abandonedLookups: number;
};
