/**
 * The newest state of a name that can be known: this peer's own directory, what it is about to fetch, and, while it is
 * unsure of some neighbours, what those have.
 */

import { NotReadyError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { keyOfName } from '../id/key.ts';
import { compareVersions } from '../id/version.ts';
import { majorityOf, type Holding } from '../wire/holding.ts';
import type { SignedRecord } from '../wire/record.ts';
import type { FileContext } from './file-context.ts';
import type { Found } from './pulls.ts';

export type Newest =
  | { readonly where: 'here'; readonly record: SignedRecord }
  | ({ readonly where: 'elsewhere'; readonly name: string } & Found)
  | { readonly where: 'nowhere' };

/**
 * For writers, whose next version goes above this one, and for readers, who never get an older one.
 *
 * @throws NotReadyError while a neighbour that may know better does not answer
 */
export async function newestOf(context: FileContext, name: string): Promise<Newest> {
  const unsureOf = context.repair.unsureOf();
  const asked = unsureOf.length === 0 ? undefined : await context.inquiry.ask(name, unsureOf);
  if (asked !== undefined) refuseSilence(context, asked.silent);
  // Looked up after the others were asked: what they had may have been fetched meanwhile.
  const pointer = context.repair.find(name);
  const record = await context.storage.record(name);
  return newestAmong(name, record, [asked?.highest, pointer]);
}

/**
 * The same for readers: that there is no such file is only said when enough of those are here who would have it.
 *
 * @throws NotReadyError
 */
export async function newestForReading(context: FileContext, name: string): Promise<Newest> {
  const newest = await newestOf(context, name);
  if (newest.where === 'nowhere') refuseAbsence(context, name);
  return newest;
}

/**
 * For readers, while this peer is the closest one and not sure that it is the root, because a closer one is silent, say. Any
 * write that a majority of the replicas acknowledged is known to one of any majority of them, so it is enough to
 * ask that many.
 *
 * @throws NotReadyError when too few of them answer
 */
export async function newestByMajority(context: FileContext, name: string): Promise<Newest> {
  const { placement, ring, storage, repair, inquiry, parameters, idSpace } = context;
  const members = placement.nearest(keyOfName(idSpace, name), parameters.replicas);
  const others = members.filter(({ peerId }) => peerId !== ring.self.peerId);
  let needed = members.length - majorityOf(parameters.replicas) + 1 - (members.length - others.length);
  const found: Found[] = [];
  const enough = Promise.withResolvers<boolean>();
  let left = others.length;
  if (needed <= 0) enough.resolve(true);
  else if (left < needed) enough.resolve(false);
  for (const holder of others) {
    void inquiry.askOne(name, holder).then((holding) => {
      left--;
      if (holding !== 'silent') needed--;
      if (holding !== undefined && holding !== 'silent') found.push({ holder, holding });
      if (needed <= 0) enough.resolve(true);
      else if (left < needed) enough.resolve(false);
    });
  }
  if (repair.unsureOf().length > 0 || !(await enough.promise)) {
    throw new NotReadyError('cannot tell yet who is root, and what the other replicas have');
  }
  return newestAmong(name, await storage.record(name), [...found, repair.find(name)]);
}

function newestAmong(name: string, record: SignedRecord | undefined, others: readonly (Found | undefined)[]): Newest {
  let newest: Newest = record === undefined ? { where: 'nowhere' } : { where: 'here', record };
  for (const found of others) {
    if (found === undefined) continue;
    const present = holdingOf(newest);
    if (present !== undefined && compareVersions(found.holding.version, present.version) <= 0) continue;
    newest = { where: 'elsewhere', name, ...found };
  }
  return newest;
}

export function holdingOf(newest: Newest): Holding | undefined {
  if (newest.where === 'here') return newest.record;
  return newest.where === 'elsewhere' ? newest.holding : undefined;
}

/** A neighbour that did not answer but has left the leaf set meanwhile counts as gone. */
function refuseSilence(context: FileContext, silent: readonly Contact[]): void {
  const present = new Set(context.ring.leafSet().map(({ peerId }) => peerId));
  const missing = silent.filter(({ peerId }) => present.has(peerId));
  if (missing.length === 0) return;
  const ids = missing.map(({ nodeId }) => context.idSpace.format(nodeId)).join(', ');
  throw new NotReadyError(`cannot tell yet: the neighbours ${ids} do not answer`);
}

/** While these are away and expected back, nobody can say that there is nothing, or nothing newer. */
export function whoMayKnowBetter({ placement, idSpace, parameters }: FileContext, name: string): readonly Contact[] {
  const key = keyOfName(idSpace, name);
  const absent = placement.absent(key, parameters.replicas);
  // A file of fewer copies than others may lie with the closest alone.
  return absent.length >= majorityOf(parameters.replicas) ? absent : placement.absent(key, 1);
}

function refuseAbsence(context: FileContext, name: string): void {
  const absent = whoMayKnowBetter(context, name);
  if (absent.length === 0) return;
  const ids = absent.map(({ nodeId }) => context.idSpace.format(nodeId)).join(', ');
  throw new NotReadyError(`cannot tell yet: ${ids}, which may have it, are away and expected back`);
}
