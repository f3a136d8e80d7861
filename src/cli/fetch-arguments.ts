/** What the arguments of `fetch-file` must fulfil together. */

import { UsageError } from '../base/errors.ts';
import { STDOUT } from './output-target.ts';

/** @throws UsageError */
export function checkNames(
  names: readonly string[],
  options: { readonly out?: string; readonly recursive?: string; readonly json?: true },
): void {
  if (names.length === 0 && options.recursive === undefined) {
    throw new UsageError('there is nothing to fetch: give a NAME, or -r PREFIX');
  }
  if (options.out === STDOUT && options.json === true) {
    throw new UsageError('--json and --out - both want stdout; use one of them');
  }
  if (new Set(names).size < names.length) throw new UsageError('a name is given twice');
}
