/**
 * Finds what another peer holds, of a stretch of the ring, that this one has not: both sum up what they hold, range by
 * range; ranges with different sums are split and compared again, and of the small ones that are left the names
 * themselves are listed. What both have alike costs next to nothing, however much it is (range-based set reconciliation,
 * Meyer 2022, with the directories' digests by slot as leaves).
 */

import { equalBytes } from '../base/bytes.ts';
import { BadMessageError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { SLOT_COUNT, type SlotRange } from '../id/key.ts';
import type { StreamPool } from '../net/stream-pool.ts';
import type { StorageDirectory } from '../store/storage-directory.ts';
import { COMPARE_RANGES_MAX } from '../wire/limits.ts';
import type { Entry } from '../wire/replica.ts';
import { askReplica } from './ask-replica.ts';
import { heldPages } from './held-pages.ts';

const FIRST_SPLIT = 256;
const SPLIT = 16;
/** Of ranges with no more names than this the names are asked for. */
const LISTED_MAX = 8;

export type ComparingParts = { readonly storage: StorageDirectory; readonly streams: StreamPool };

/** The numbers of copies that occur with that peer. */
export async function replicaCountsOf({ streams }: ComparingParts, member: Contact): Promise<readonly number[]> {
  const request = { type: 'compare', replicas: 0, ranges: [] } as const;
  return (await askReplica(streams, member, request, 'comparison')).replicaCounts;
}

/**
 * What that peer holds of the ranges where it holds something else than this one: what is alike may be among it.
 *
 * @param onOwn is given the ranges of which this peer holds something that the other may not have
 */
export async function* differences(
  parts: ComparingParts,
  member: Contact,
  replicas: number,
  stretch: SlotRange,
  onOwn: (range: SlotRange) => void = () => undefined,
): AsyncGenerator<Entry> {
  const open: SlotRange[] = split(stretch, FIRST_SPLIT);
  while (open.length > 0) {
    const ranges = open.splice(0, COMPARE_RANGES_MAX);
    const { summaries } = await askReplica(parts.streams, member, { type: 'compare', replicas, ranges }, 'comparison');
    if (summaries.length !== ranges.length) throw new BadMessageError('a comparison that does not fit its ranges');
    const ours = parts.storage.summarize(replicas, ranges);
    for (const [index, range] of ranges.entries()) {
      const theirs = summaries[index];
      const own = ours[index];
      if (theirs === undefined || own === undefined) continue;
      if (theirs.count === own.count && equalBytes(theirs.digest, own.digest)) continue;
      if (theirs.count > LISTED_MAX && width(range) > 1) {
        open.push(...split(range, SPLIT));
        continue;
      }
      if (own.count > 0) onOwn(range);
      if (theirs.count > 0) yield* entriesOf(parts, member, replicas, range);
    }
  }
}

/**
 * What that peer has of names that this one holds in these ranges: a newer version may count among files of another
 * number of copies there.
 */
export async function* newerOfOwn(
  { streams, storage }: ComparingParts,
  member: Contact,
  replicas: number,
  ranges: readonly SlotRange[],
): AsyncGenerator<Entry> {
  for (const range of ranges) {
    for await (const names of heldPages(storage, replicas, range)) {
      const request = { type: 'holdings', names, offered: [], leaving: false } as const;
      const { holdings } = await askReplica(streams, member, request, 'holdings');
      for (const [index, name] of names.entries()) {
        const holding = holdings[index];
        if (holding !== undefined && holding.replicas !== replicas) yield { name, holding };
      }
    }
  }
}

async function* entriesOf(
  { streams }: ComparingParts,
  member: Contact,
  replicas: number,
  range: SlotRange,
): AsyncGenerator<Entry> {
  for (let after = '', more = true; more;) {
    const page = await askReplica(streams, member, { type: 'entries', replicas, range, after }, 'entries');
    yield* page.entries;
    const last = page.entries.at(-1);
    if (page.more && last === undefined) throw new BadMessageError('a page of entries is empty, and not the last one');
    more = page.more;
    after = last?.name ?? '';
  }
}

function width({ from, to }: SlotRange): number {
  return from === to ? SLOT_COUNT : (to - from + SLOT_COUNT) % SLOT_COUNT;
}

/** Into so many parts of about the same width, or into single slots. */
function split(range: SlotRange, parts: number): SlotRange[] {
  const total = width(range);
  const count = Math.min(parts, total);
  const at = (index: number) => (range.from + Math.round((index * total) / count)) % SLOT_COUNT;
  return Array.from({ length: count }, (_, index) => ({ from: at(index), to: at(index + 1) }));
}
