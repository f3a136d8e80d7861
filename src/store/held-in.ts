/** Which records a directory holds in a stretch of the ring, page by page, read from the catalog's slot entries. */

import { type SlotRange, slotOfName } from '../id/key.ts';
import type { KeyRange, Row } from './catalog-database.ts';
import { straight } from './key-index.ts';
import { type Held, heldOf, slotPrefix } from './slot-entry.ts';

export type HeldOptions = {
  readonly limit: number;
  /** Only what comes behind this name, going clockwise. */
  readonly after?: string;
};

type Scan = (range: KeyRange, rowsAtOnce: number) => AsyncIterable<Row[]>;

/** In order of slot, then of the names' UTF-8 bytes, going clockwise from the range's begin. */
export async function heldIn(
  scan: Scan,
  replicas: number,
  range: SlotRange,
  { limit, after }: HeldOptions,
): Promise<{ held: Held[]; more: boolean }> {
  const held: Held[] = [];
  for (const stretch of left(range, after)) {
    const begin = slotPrefix(replicas, stretch.from);
    const start =
      stretch.after === undefined ? { gte: Buffer.from(begin) } : { gt: Buffer.from(begin + stretch.after) };
    const rows = scan({ ...start, lt: Buffer.from(slotPrefix(replicas, stretch.to)) }, limit + 1);
    for await (const some of rows) {
      for (const row of some) {
        if (held.length === limit) return { held, more: true };
        held.push(heldOf(row));
      }
    }
  }
  return { held, more: false };
}

/** What of a range comes behind a name: from the middle of its slot on. Nothing comes behind a name outside of it. */
function left(range: SlotRange, after: string | undefined): (SlotRange & { after?: string })[] {
  const stretches = straight(range);
  if (after === undefined) return stretches;
  const slot = slotOfName(after);
  const index = stretches.findIndex(({ from, to }) => from <= slot && slot < to);
  if (index === -1) return [];
  return [{ from: slot, to: stretches[index]?.to ?? slot, after }, ...stretches.slice(index + 1)];
}
