/** Answers to other peers about what lies in this peer's own directory, and takes in what they offer. */

import { NotFoundError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { ENTRIES_PAGE_MAX } from '../wire/limits.ts';
import type { Entry, ReplicaAnswer, ReplicaRequest } from '../wire/replica.ts';
import type { FileContext } from './file-context.ts';

type RequestOf<T extends ReplicaRequest['type']> = Extract<ReplicaRequest, { type: T }>;

/** Commits under way are waited for: whoever asks may be the root from now on, and counts on the answer. */
export async function answerHoldings(
  { storage, commits, repair }: FileContext,
  { names, offered, leaving }: RequestOf<'holdings'>,
  from: Contact,
): Promise<ReplicaAnswer> {
  await commits.passed();
  const records = await Promise.all(names.map((name) => storage.record(name)));
  if (leaving) repair.onLeaving(from);
  offered.forEach((holding, index) => {
    const name = names[index];
    if (name !== undefined) repair.onOffer(from, { name, holding }, records[index]);
  });
  return { type: 'holdings', holdings: records };
}

export async function answerRecord({ storage, commits }: FileContext, name: string): Promise<ReplicaAnswer> {
  await commits.passed();
  const record = await storage.record(name);
  if (record === undefined) throw new NotFoundError(`there is no record of "${name}"`);
  return { type: 'record', envelope: record.envelope };
}

export async function answerCompare(
  { storage, commits, absence }: FileContext,
  { replicas, ranges }: RequestOf<'compare'>,
): Promise<ReplicaAnswer> {
  await commits.passed();
  return {
    type: 'comparison',
    replicaCounts: storage.replicaCounts(),
    summaries: storage.summarize(replicas, ranges),
    backFromAway: absence.wasTooLong,
  };
}

export async function answerEntries(
  { storage, commits }: FileContext,
  { replicas, range, after }: RequestOf<'entries'>,
): Promise<ReplicaAnswer> {
  await commits.passed();
  const page = await storage.heldIn(replicas, range, {
    limit: ENTRIES_PAGE_MAX,
    ...(after === '' ? {} : { after }),
  });
  const entries: Entry[] = [];
  for (const { name } of page.held) {
    const holding = await storage.record(name);
    if (holding !== undefined) entries.push({ name, holding });
  }
  return { type: 'entries', entries, more: page.more };
}
