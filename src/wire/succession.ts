/**
 * Whether a record may take the place of what a peer has of the name. There are two rules.
 *
 * `checkWrite` is for what a writer brings: the root holds it against all that is known of the name, when the record
 * arrives and again under the lock of the commit, for another writer may have been faster.
 *
 * `checkCopy` is for what another replica brings: some root has accepted it, perhaps on versions that were missed here. A
 * name's records form a line: each owner's first one carries, as consent, the record by which the owner before let go of
 * the name, a tombstone or a shared one, and so on back to the first claim. Within a line the higher version wins. Two
 * lines mean that both sides of a parted ring took a first claim; which one stays follows from the first owners' keys
 * and the name alone, so that no counter can win and every peer decides alike.
 */

import { hash } from 'node:crypto';
import { compareBytes, equalBytes } from '../base/bytes.ts';
import { BadMessageError, NotPermittedError, VersionConflictError } from '../base/errors.ts';
import { utf8 } from '../id/key.ts';
import { compareVersions, formatVersion } from '../id/version.ts';
import type { Holding, WriteCondition } from './holding.ts';
import { openRecord, type FileRecord, type SignedRecord } from './record.ts';

/**
 * How far a writer may count beyond the version that it replaces. One is what honest writers do; the rest is room for
 * versions that were not known. Without a bound one writer could use up all counters of a name for ever.
 */
const COUNTER_STEP_MAX = 2 ** 20;
/** Changes of owner that one record can prove; each is an envelope within the one before. */
const OWNER_CHANGES_MAX = 16;

/** @throws VersionConflictError */
export function checkCondition(present: Holding | undefined, condition: WriteCondition, name: string): void {
  if (condition === 'any') return;
  const there = present === undefined || present.tombstone ? undefined : present.version;
  if (condition === 'absent' && there !== undefined) {
    throw new VersionConflictError(`"${name}" is there already, in version ${formatVersion(there)}`);
  }
  if (condition !== 'absent' && (there === undefined || compareVersions(there, condition) !== 0)) {
    const is = there === undefined ? 'is not there' : `is there in version ${formatVersion(there)}`;
    throw new VersionConflictError(`"${name}" ${is}, not in version ${formatVersion(condition)}`);
  }
}

/** Anybody may write the next version. */
export function isOpenToOthers({ tombstone, shared }: Pick<Holding, 'tombstone' | 'shared'>): boolean {
  return tombstone || shared;
}

/**
 * @throws NotPermittedError when the name is somebody else's; one that was removed is free
 * @throws VersionConflictError when the version is not higher, or higher beyond reason
 */
export function checkWrite(present: Holding | SignedRecord | undefined, record: SignedRecord): void {
  if (present !== undefined && !equalBytes(present.owner, record.owner)) {
    if (!isOpenToOthers(present)) {
      throw new NotPermittedError(`"${record.name}" belongs to somebody else; only its owner may change it`);
    }
    if (!present.tombstone && !record.shared && !record.tombstone) {
      throw new NotPermittedError(`"${record.name}" is shared; whoever writes it keeps it shared`);
    }
    if (!isReleased(present, record) && !(present.shared && carriesOn(present, record))) {
      throw new NotPermittedError(`"${record.name}" was somebody else's, and their leave does not stand in the record`);
    }
  }
  if (present !== undefined && compareVersions(record.version, present.version) <= 0) throw conflict(present, record);
  if (record.version.counter > (present?.version.counter ?? 0) + COUNTER_STEP_MAX) {
    throw new VersionConflictError(`version ${formatVersion(record.version)} of "${record.name}" skips too many`);
  }
}

/**
 * What becomes of a copy that another replica brings: it `follows` what is here, in one line; it `displaces` it, another
 * person's claim; or what is here `stays`.
 */
export function relationOf(present: SignedRecord | undefined, record: SignedRecord): 'follows' | 'displaces' | 'stays' {
  if (present === undefined) return 'follows';
  const sameOwner = equalBytes(present.owner, record.owner);
  if (!sameOwner) {
    const order = compareBytes(claimOf(present), claimOf(record));
    if (order !== 0) return order < 0 ? 'stays' : 'displaces';
  }
  const mayFollow = sameOwner || isOpenToOthers(present) || isReleased(present, record);
  return mayFollow && compareVersions(record.version, present.version) > 0 ? 'follows' : 'stays';
}

/** @throws VersionConflictError when what is here stays */
export function checkCopy(present: SignedRecord | undefined, record: SignedRecord): void {
  if (present !== undefined && relationOf(present, record) === 'stays') throw conflict(present, record);
}

/** A shared file goes from hand to hand: what proves its line stays the same. */
function carriesOn(present: Holding | SignedRecord, record: SignedRecord): boolean {
  if (!('formerOwnerConsent' in present)) return consentOf(record) !== undefined;
  return consentOf(record) !== undefined && equalBytes(present.formerOwnerConsent, record.formerOwnerConsent);
}

/** The record by which a former owner let go of the name, if this one carries a proper one. */
function consentOf(record: SignedRecord): SignedRecord | undefined {
  if (record.formerOwnerConsent.length === 0) return undefined;
  try {
    const consent = openRecord(record.formerOwnerConsent, record.networkId);
    const precedes = compareVersions(consent.version, record.version) < 0;
    return consent.name === record.name && isOpenToOthers(consent) && precedes ? consent : undefined;
  } catch (error) {
    if (error instanceof BadMessageError) return undefined;
    throw error;
  }
}

/** The records that let go of the name before this one, the latest first. */
function* releases(record: SignedRecord): Generator<SignedRecord> {
  let from = consentOf(record);
  for (let changes = 0; from !== undefined && changes < OWNER_CHANGES_MAX; changes++) {
    yield from;
    from = consentOf(from);
  }
}

/** The later record proves that the owner of the former one let go of the name afterwards. */
function isReleased(former: Holding, later: SignedRecord): boolean {
  for (const { owner, version } of releases(later)) {
    if (equalBytes(owner, former.owner) && compareVersions(version, former.version) >= 0) return true;
  }
  return false;
}

/** Orders the lines of a name: by whoever claimed it first in each. */
function claimOf(record: SignedRecord): Uint8Array {
  let first = record;
  for (const release of releases(record)) first = release;
  return hash('sha256', Buffer.concat([first.owner, utf8(record.name)]), 'buffer');
}

function conflict(present: Holding, record: FileRecord): VersionConflictError {
  return new VersionConflictError(
    `"${record.name}" is there in version ${formatVersion(present.version)}, ` +
      `which ${formatVersion(record.version)} does not replace: another writer was faster`,
  );
}
