/**
 * Works on many things side by side, within two bounds: so many at once, and so much weight at once (their bytes in
 * memory, say). Things are taken in order, and only as room becomes free, so a long or endless list costs nothing.
 * One thing that is heavier than the whole bound still gets its turn, alone.
 */

export type Bounds = { readonly itemsMax: number; readonly weightMax: number };

/**
 * Resolves when every item has been worked on. The first rejection of `work`, or of `items`, ends the taking, is
 * waited for by those under way, and is thrown.
 */
export async function forEachBounded<T>(
  items: AsyncIterable<T> | Iterable<T>,
  bounds: Bounds,
  weigh: (item: T) => number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  let weightUnderWay = 0;
  const failures: unknown[] = [];
  let index = 0;
  try {
    for await (const item of items) {
      const weight = weigh(item);
      while (underWay.size >= bounds.itemsMax || (underWay.size > 0 && weightUnderWay + weight > bounds.weightMax)) {
        await Promise.race(underWay);
      }
      if (failures.length > 0) break;
      weightUnderWay += weight;
      const done = work(item, index++)
        .catch((error: unknown) => {
          failures.push(error);
        })
        .finally(() => {
          weightUnderWay -= weight;
          underWay.delete(done);
        });
      underWay.add(done);
    }
  } finally {
    await Promise.all(underWay);
  }
  if (failures.length > 0) throw failures[0];
}
