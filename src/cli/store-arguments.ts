/** What the arguments of `store-file` must fulfil together, beyond what each must alone. */

import { UsageError } from '../base/errors.ts';
import { nameOfPath } from './local-files.ts';

/** @throws UsageError for paths that cannot be told apart, or have no name */
export function checkPaths(paths: readonly string[], as: string | undefined): void {
  if (as !== undefined && paths.length > 1) throw new UsageError('--as names one file, but there are several paths');
  if (as === undefined && paths.includes('-'))
    throw new UsageError('what is read from stdin needs a name: add --as NAME');
  const pathOf = new Map<string, string>();
  for (const path of as === undefined ? paths : []) {
    const name = nameOfPath(path);
    const other = pathOf.get(name);
    if (other !== undefined) {
      throw new UsageError(`${other} and ${path} would both be stored as ${name}; store one of them with --as NAME`);
    }
    pathOf.set(name, path);
  }
}
