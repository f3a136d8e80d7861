/**
 * Whether a record may take the place of what a peer has of the name. There are two rules.
 *
 * `checkWrite` is for what a writer brings: the root holds it against all that is known of the name, when the record
 * arrives and again under the lock of the commit, for another writer may have been faster.
 *
 * `checkCopy` is for what another replica brings: some root has accepted it, perhaps on versions that were missed
 * here. Under one owner the higher version wins. An owner's record that is not followed by another owner's must be
 * released by them: the later record carries the former owner's tombstone, or shared record, as consent. Where two
 * owners' records are not linked in this way, both sides of a parted ring took a first claim; which one stays
 * follows from the owners' keys and the name alone, so that no counter can win and every peer decides alike.
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
export function checkWrite(present: Holding | undefined, record: SignedRecord): void {
  if (present !== undefined && !equalBytes(present.owner, record.owner)) {
    if (!isOpenToOthers(present)) {
      throw new NotPermittedError(`"${record.name}" belongs to somebody else; only its owner may change it`);
    }
    if (!present.tombstone && !record.shared && !record.tombstone) {
      throw new NotPermittedError(`"${record.name}" is shared; whoever writes it keeps it shared`);
    }
    if (!isReleased(present, record)) {
      throw new NotPermittedError(`"${record.name}" was somebody else's, and their leave does not stand in the record`);
    }
  }
  if (present !== undefined && compareVersions(record.version, present.version) <= 0) throw conflict(present, record);
  if (record.version.counter > (present?.version.counter ?? 0) + COUNTER_STEP_MAX) {
    throw new VersionConflictError(`version ${formatVersion(record.version)} of "${record.name}" skips too many`);
  }
}

/** @throws VersionConflictError when what is here stays */
export function checkCopy(present: SignedRecord | undefined, record: SignedRecord): void {
  if (present === undefined) return;
  if (equalBytes(present.owner, record.owner) || isReleased(present, record)) {
    if (compareVersions(record.version, present.version) <= 0) throw conflict(present, record);
    return;
  }
  if (isReleased(record, present)) throw conflict(present, record);
  if (compareBytes(claimOf(present), claimOf(record)) <= 0) throw conflict(present, record);
}

/** The later record proves that the owner of the former one, or whoever followed them, let go of the name. */
function isReleased(former: Holding, later: SignedRecord): boolean {
  let from = later;
  for (let changes = 0; changes < OWNER_CHANGES_MAX && from.formerOwnerConsent.length > 0; changes++) {
    let consent: SignedRecord;
    try {
      consent = openRecord(from.formerOwnerConsent, later.networkId);
    } catch (error) {
      if (error instanceof BadMessageError) return false;
      throw error;
    }
    const follows = compareVersions(consent.version, from.version) < 0;
    if (consent.name !== later.name || !isOpenToOthers(consent) || !follows) return false;
    if (equalBytes(consent.owner, former.owner) && compareVersions(consent.version, former.version) >= 0) return true;
    from = consent;
  }
  return false;
}

/** Orders the claims of different owners to one name. */
function claimOf({ owner, name }: SignedRecord): Uint8Array {
  return hash('sha256', Buffer.concat([owner, utf8(name)]), 'buffer');
}

function conflict(present: Holding, record: FileRecord): VersionConflictError {
  return new VersionConflictError(
    `"${record.name}" is there in version ${formatVersion(present.version)}, ` +
      `which ${formatVersion(record.version)} does not replace: another writer was faster`,
  );
}
