/** What the arguments of `store-file` must fulfil together, beyond what each must alone. */

import { UsageError } from '../base/errors.ts';
import { nameOfPath } from './local-files.ts';

/** A batch names its own files. @throws UsageError */
export function checkBatch(
  paths: readonly string[],
  options: { readonly as?: string; readonly ifVersion?: string },
): void {
  if (paths.length > 0) throw new UsageError('--batch names its own files; give either that or paths');
  if (options.as !== undefined || options.ifVersion !== undefined) {
    throw new UsageError('--as and --if-version are about one file, and do not go with --batch');
  }
}

/** @throws UsageError */
export function checkConditions(
  paths: readonly string[],
  options: { readonly ifAbsent?: true; readonly ifVersion?: string },
): void {
  if (options.ifVersion === undefined) return;
  if (options.ifAbsent === true) throw new UsageError('--if-absent and --if-version exclude each other');
  if (paths.length > 1) throw new UsageError('--if-version is about one file, but there are several paths');
}

/** @throws UsageError for paths that cannot be told apart, or have no name */
export function checkPaths(paths: readonly string[], as: string | undefined): void {
  if (paths.length === 0) throw new UsageError('there is nothing to store: give a PATH, or --batch FILE');
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
