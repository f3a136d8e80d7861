/**
 * Whether a record may take the place of what a peer has of the name. The same rule stands wherever one is taken: when
 * a writer's record arrives, against what this peer and its neighbours had when the writer asked; and again under the
 * lock of the commit, against what is there by then, for another writer may have been faster.
 */

import { equalBytes } from '../base/bytes.ts';
import { NotPermittedError, VersionConflictError } from '../base/errors.ts';
import { compareVersions, formatVersion } from '../id/version.ts';
import type { Holding } from './file.ts';
import type { FileRecord, SignedRecord } from './record.ts';

/**
 * How far a writer may count beyond the version that it replaces. One is what honest writers do; the rest is room for
 * versions that were not known. Without a bound one writer could use up all counters of a name for ever.
 */
const COUNTER_STEP_MAX = 2 ** 20;

/**
 * @throws NotPermittedError when the name is somebody else's; one that was removed is free
 * @throws VersionConflictError when the version is not higher, or higher beyond reason
 */
export function checkSuccession(present: Holding | undefined, record: SignedRecord): void {
  if (present !== undefined && !present.tombstone && !present.shared && !equalBytes(present.owner, record.owner)) {
    throw new NotPermittedError(`"${record.name}" belongs to somebody else; only its owner may change it`);
  }
  if (present !== undefined && compareVersions(record.version, present.version) <= 0) throw conflict(present, record);
  if (record.version.counter > (present?.version.counter ?? 0) + COUNTER_STEP_MAX) {
    throw new VersionConflictError(`version ${formatVersion(record.version)} of "${record.name}" skips too many`);
  }
}

function conflict(present: Holding, record: FileRecord): VersionConflictError {
  return new VersionConflictError(
    `"${record.name}" is there in version ${formatVersion(present.version)}, ` +
      `which ${formatVersion(record.version)} does not replace: another writer was faster`,
  );
}
