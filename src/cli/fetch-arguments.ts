/** What the arguments of `fetch-file` must fulfil together, and which names a prefix takes. */

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

/** Whether a name is the prefix itself or lies below it: `a` takes `a` and `a/b`, not `ab`; an empty one takes all. */
export function isBelow(name: string, prefix: string): boolean {
  return prefix === '' || prefix.endsWith('/')
    ? name.startsWith(prefix)
    : name === prefix || name.startsWith(`${prefix}/`);
}
