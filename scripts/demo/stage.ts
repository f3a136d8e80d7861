/** What the acts of the demo share. What goes wrong is collected, so that the rest is still shown. */

import type { StoreLine } from '../lib/command.ts';
import type { Network } from '../../test/e2e/harness/network.ts';
import type { Scratch } from '../lib/scratch.ts';
import type { SourceFile } from './files.ts';

/** Of each file. */
export const COPIES = 3;

export type Stored = { readonly source: SourceFile; readonly receipt: StoreLine };

export type Stage = {
  readonly scratch: Scratch;
  readonly network: Network;
  readonly stored: Stored[];
  readonly failures: string[];
  /** Lines of the table at the end. */
  readonly figures: (readonly [string, string])[];
  readonly compared: { files: number; bytes: number };
};

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
