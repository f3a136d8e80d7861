/** What this peer holds of a range, in pages that fit one question to another peer. */

import type { SlotRange } from '../id/key.ts';
import type { StorageDirectory } from '../store/storage-directory.ts';
import { HOLDINGS_NAMES_MAX } from '../wire/limits.ts';

/** Names, by slot and then by name. What is dropped or comes meanwhile may be among them or not. */
export async function* heldPages(
  storage: StorageDirectory,
  replicas: number,
  range: SlotRange,
): AsyncGenerator<readonly string[]> {
  let after: string | undefined;
  for (let more = true; more;) {
    const place = after === undefined ? {} : { after };
    const page = await storage.heldIn(replicas, range, { limit: HOLDINGS_NAMES_MAX, ...place });
    const names = page.held.map(({ name }) => name);
    yield names;
    more = page.more;
    after = names.at(-1);
  }
}
