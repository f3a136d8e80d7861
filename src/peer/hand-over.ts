/**
 * Copies that do not belong to this peer any more, because closer peers have come or because it leaves: they are
 * offered to every peer that should hold them, which fetch what they have not got; a copy is dropped only when all of
 * them have said that they hold that version or a newer one.
 */

import { equalBytes } from '../base/bytes.ts';
import { BadMessageError, StoreError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Contact } from '../id/contact.ts';
import type { IdSpace } from '../id/id-space.ts';
import { keyOfName, type SlotRange } from '../id/key.ts';
import { compareVersions } from '../id/version.ts';
import type { StreamPool } from '../net/stream-pool.ts';
import type { StorageDirectory } from '../store/storage-directory.ts';
import type { Holding } from '../wire/holding.ts';
import type { SignedRecord } from '../wire/record.ts';
import type { Entry } from '../wire/replica.ts';
import { askReplica } from './ask-replica.ts';
import { heldPages } from './held-pages.ts';
import type { ReplicaPlacement } from './replica-placement.ts';

const EVERYTHING: SlotRange = { from: 0, to: 0 };

export type HandOverParts = {
  readonly self: Contact;
  readonly storage: StorageDirectory;
  readonly placement: ReplicaPlacement;
  readonly streams: StreamPool;
  readonly idSpace: IdSpace;
  readonly log: Log;
  /** Somebody who was offered a record holds this of the name: it may take its place here. */
  readonly onOther: (member: Contact, theirs: Entry, mine: SignedRecord) => void;
};

export type HandOverCount = {
  /** Copies that all who should hold them have. */
  readonly safe: number;
  /** Copies that somebody has not got yet, or of which it is not known who should. */
  readonly open: number;
};

/** Goes once through the copies that do not belong here, offers them, and drops those that are safe. */
export async function handOverStrays(parts: HandOverParts): Promise<HandOverCount> {
  const ranges = (replicas: number) => parts.placement.foreignSlots(replicas);
  const onSafe = async ({ name, version }: SignedRecord): Promise<void> => {
    await parts.storage.drop(name, version);
  };
  return pass(parts, { rangesOf: ranges, leaving: false, onSafe, isWaitedFor: () => true, onCount: () => undefined });
}

/**
 * Goes once through all copies, as if this peer were gone. While it is a root some of its names are always just being
 * written: those that come after the first pass are not waited for, they are handed over in the end.
 *
 * @param waitedFor names that were not safe in the pass before; undefined for the first pass
 * @param drop what is safe; not while this peer is still a holder
 * @returns of the names waited for, those that are not safe yet
 */
export async function handOverAll(
  parts: HandOverParts,
  waitedFor: ReadonlySet<string> | undefined,
  drop: boolean,
  onCount: (count: HandOverCount) => void,
): Promise<ReadonlySet<string>> {
  const open = new Set<string>();
  const onSafe = async ({ name, version }: SignedRecord): Promise<void> => {
    if (drop) await parts.storage.drop(name, version);
  };
  const isWaitedFor = ({ name }: SignedRecord): boolean => {
    if (waitedFor?.has(name) === false) return false;
    open.add(name);
    return true;
  };
  await pass(parts, { rangesOf: () => [EVERYTHING], leaving: true, onSafe, isWaitedFor, onCount });
  return open;
}

type Pass = {
  readonly rangesOf: (replicas: number) => readonly SlotRange[];
  readonly leaving: boolean;
  readonly onSafe: (record: SignedRecord) => Promise<void>;
  /** Of one that is not safe: whether it counts. */
  readonly isWaitedFor: (record: SignedRecord) => boolean;
  readonly onCount: (count: HandOverCount) => void;
};

async function pass(
  parts: HandOverParts,
  { rangesOf, leaving, onSafe, isWaitedFor, onCount }: Pass,
): Promise<HandOverCount> {
  const { storage } = parts;
  let count: HandOverCount = { safe: 0, open: 0 };
  for (const replicas of storage.replicaCounts()) {
    for (const range of rangesOf(replicas)) {
      for await (const names of heldPages(storage, replicas, range)) {
        const { safe, open } = await handOver(parts, await recordsOf(storage, names), leaving);
        // Together: they share the catalog's syncs.
        await Promise.all(safe.map(onSafe));
        const waitedFor = open.filter(isWaitedFor);
        count = { safe: count.safe + safe.length, open: count.open + waitedFor.length };
        onCount(count);
      }
    }
  }
  return count;
}

async function recordsOf(storage: StorageDirectory, names: readonly string[]): Promise<SignedRecord[]> {
  const records = await Promise.all(names.map((name) => storage.record(name)));
  return records.filter((record) => record !== undefined);
}

/** One page: each peer concerned is asked once, for all names that it should hold. */
async function handOver(
  parts: HandOverParts,
  records: readonly SignedRecord[],
  leaving: boolean,
): Promise<{ safe: SignedRecord[]; open: SignedRecord[] }> {
  const { self, idSpace, placement } = parts;
  const asked = new Map<string, { member: Contact; records: SignedRecord[] }>();
  const missing = new Map<SignedRecord, number>();
  const open: SignedRecord[] = [];
  for (const record of records) {
    const { name, replicas } = record;
    const present = placement.present(keyOfName(idSpace, name), leaving ? replicas + 1 : replicas);
    const members = leaving ? present?.filter(({ peerId }) => peerId !== self.peerId).slice(0, replicas) : present;
    if (members === undefined || members.length === 0) {
      open.push(record);
      continue;
    }
    if (members.some(({ peerId }) => peerId === self.peerId)) continue;
    missing.set(record, members.length);
    for (const member of members) {
      const question = asked.get(member.peerId) ?? { member, records: [] };
      question.records.push(record);
      asked.set(member.peerId, question);
    }
  }
  await Promise.all(
    Array.from(asked.values(), async (question) => {
      const confirmed = await confirm(parts, question.member, question.records, leaving);
      for (const record of confirmed) missing.set(record, (missing.get(record) ?? 1) - 1);
    }),
  );
  const safe: SignedRecord[] = [];
  for (const [record, count] of missing) (count === 0 ? safe : open).push(record);
  return { safe, open };
}

/** Offers these to a peer that should hold them. @returns those that it has */
async function confirm(
  { streams, log, idSpace, onOther }: HandOverParts,
  member: Contact,
  records: readonly SignedRecord[],
  leaving: boolean,
): Promise<readonly SignedRecord[]> {
  const names = records.map(({ name }) => name);
  try {
    const request = { type: 'holdings', names, offered: records, leaving } as const;
    const { holdings } = await askReplica(streams, member, request, 'holdings');
    if (holdings.length !== names.length) throw new BadMessageError('an answer to an offer that does not fit it');
    for (const [index, record] of records.entries()) {
      const holding = holdings[index];
      // Which of two owners' records stays, this peer finds out by fetching the other one.
      if (holding !== undefined) onOther(member, { name: record.name, holding }, record);
    }
    return records.filter((record, index) => isAsNew(holdings[index], record));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    log.debug('offer-unanswered', { nodeId: idSpace.format(member.nodeId), message: error.message });
    return [];
  }
}

function isAsNew(theirs: Holding | undefined, mine: SignedRecord): boolean {
  if (theirs === undefined || !equalBytes(theirs.owner, mine.owner)) return false;
  return compareVersions(theirs.version, mine.version) >= 0;
}
