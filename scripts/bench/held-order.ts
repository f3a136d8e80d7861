/** What is asked of the process that fills storage directories, and how the files in them are called. */

import { join } from 'node:path';
import { Child } from '../lib/child.ts';

/** `fill`: how many files into each. `forget`: numbers of files that are to be taken out. */
export type HeldOrder =
  | { readonly paths: readonly string[]; readonly fill: number }
  | { readonly path: string; readonly forget: readonly number[] };

export function heldName(number: number): string {
  return `held file ${number}`;
}

/** Resolves when it is done. */
export async function carryOut(order: HeldOrder): Promise<void> {
  // Generated codecs have namespaces, which are more than types.
  const args = ['--experimental-transform-types', '--no-warnings'];
  const child = new Child(process.execPath, [
    ...args,
    join(import.meta.dirname, 'held-files.ts'),
    JSON.stringify(order),
  ]);
  const status = await child.ended;
  if (status !== 0) throw child.error(`ended with status ${status}`);
}
