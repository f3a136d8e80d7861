/** What the arguments of `fetch-file` must fulfil together. */

import { UsageError } from '../base/errors.ts';
import { STDOUT } from './output-target.ts';

/** A batch names its own files. @throws UsageError */
export function checkBatch(
  names: readonly string[],
  options: { readonly out?: string; readonly recursive?: string },
): void {
  if (names.length > 0) throw new UsageError('--batch names its own files; give either that or names');
  if (options.out !== undefined || options.recursive !== undefined) {
    throw new UsageError('--out and -r do not go with --batch, whose lines say where each file goes');
  }
}

/** @throws UsageError */
export function checkNames(
  names: readonly string[],
  options: { readonly out?: string; readonly recursive?: string; readonly json?: true },
): void {
  if (names.length === 0 && options.recursive === undefined) {
    throw new UsageError('there is nothing to fetch: give a NAME, -r PREFIX, or --batch FILE');
  }
  if (options.out === STDOUT && options.json === true) {
    throw new UsageError('--json and --out - both want stdout; use one of them');
  }
  if (new Set(names).size < names.length) throw new UsageError('a name is given twice');
}
