/** A run as it is kept and printed: the simulation's figures, and what it cost the machine that ran it. */

import type { Figures } from '../../src/sim/figures.ts';

export type RunFigures = Figures & {
  readonly wallSeconds: number;
  /** The whole process, Node included. */
  readonly peakRssBytes: number;
};
