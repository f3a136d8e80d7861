/** Many lookups through one entry peer, a number of them always under way. */

import type { LookupResult } from '../../src/client/types.ts';

type Lookups = { lookup(name: string): Promise<LookupResult> };

export type LookupRun = {
  readonly results: readonly LookupResult[];
  /** Of each lookup, sorted. */
  readonly times: readonly number[];
  readonly elapsedMs: number;
};

/** Looks up `count` names that begin with `prefix`. The first failure is thrown. */
export async function lookUpMany(store: Lookups, prefix: string, count: number, atOnce: number): Promise<LookupRun> {
  const found: LookupResult[] = [];
  const times: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const name = `${prefix}${next++}`;
      const startedAt = performance.now();
      found.push(await store.lookup(name));
      times.push(performance.now() - startedAt);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { results: found, times: times.sort((a, b) => a - b), elapsedMs: performance.now() - startedAt };
}
