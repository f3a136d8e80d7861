/**
 * The newest state of a name that can be known: this peer's own directory and, because a file stays where it was
 * stored when somebody closer joins, the directories of the leaf set.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { NotReadyError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { keyOfName } from '../id/key.ts';
import { compareVersions } from '../id/version.ts';
import type { Holding } from '../wire/file.ts';
import type { SignedRecord } from '../wire/record.ts';
import type { FileContext } from './file-context.ts';
import type { InquiryResult } from './leaf-set-inquiry.ts';

/** How long a read that can be answered from here waits for neighbours that might have something newer. */
const READ_PATIENCE_MS = 300;

export type Newest =
  | { readonly where: 'here'; readonly record: SignedRecord }
  | { readonly where: 'elsewhere'; readonly holder: Contact; readonly holding: Holding }
  | { readonly where: 'nowhere' };

/** For writers: every neighbour must have answered, or be gone, because the next version goes above this one. */
export async function newestForWriting(context: FileContext, name: string): Promise<Newest> {
  const [record, asked] = await Promise.all([context.storage.record(name), context.inquiry.ask(name)]);
  refuseSilence(context, asked);
  return newer(record, asked);
}

/** For readers: what is here is not held back by a neighbour that is slow, but NOT_FOUND is only said for sure. */
export async function newestForReading(context: FileContext, name: string): Promise<Newest> {
  const inquiry = context.inquiry.ask(name);
  const record = await context.storage.record(name);
  if (record === undefined) {
    const asked = await inquiry;
    if (asked.highest === undefined) {
      refuseSilence(context, asked);
      refuseAbsence(context, name);
    }
    return newer(undefined, asked);
  }
  const patience = new AbortController();
  const asked = await Promise.race([inquiry, delay(READ_PATIENCE_MS, undefined, { signal: patience.signal })]);
  patience.abort();
  return newer(record, asked ?? { highest: undefined, silent: [] });
}

export function holdingOf(newest: Newest): Holding | undefined {
  if (newest.where === 'here') return newest.record;
  return newest.where === 'elsewhere' ? newest.holding : undefined;
}

function newer(record: SignedRecord | undefined, { highest }: InquiryResult): Newest {
  if (highest !== undefined && (record === undefined || compareVersions(highest.holding.version, record.version) > 0)) {
    return { where: 'elsewhere', ...highest };
  }
  return record === undefined ? { where: 'nowhere' } : { where: 'here', record };
}

/** A neighbour that did not answer but has left the leaf set meanwhile counts as gone. */
function refuseSilence(context: FileContext, { silent }: InquiryResult): void {
  const present = new Set(context.ring.leafSet().map(({ peerId }) => peerId));
  const missing = silent.filter(({ peerId }) => present.has(peerId));
  if (missing.length === 0) return;
  const ids = missing.map(({ nodeId }) => context.idSpace.format(nodeId)).join(', ');
  throw new NotReadyError(`cannot tell yet: the neighbours ${ids} do not answer`);
}

/** Whoever was root before it went away may be the only one that has the name. */
function refuseAbsence({ ring, idSpace }: FileContext, name: string): void {
  const away = ring.absentRoot(keyOfName(idSpace, name));
  if (away === undefined) return;
  throw new NotReadyError(`cannot tell yet: the peer ${idSpace.format(away.nodeId)}, which may have it, is away`);
}
