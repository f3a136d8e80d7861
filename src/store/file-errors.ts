/**
 * What the file system and the catalog throw becomes one of the named errors here, with the first cause kept and a
 * remedy named. Callers can then tell "the disk is full" from "the disk is broken" without knowing errno names.
 */

import {
  BusyError,
  ContentCorruptError,
  NoSpaceError,
  StorageUnusableError,
  StoreError,
  messageOf,
} from '../base/errors.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT']);
const TOO_MANY_OPEN = new Set(['EMFILE', 'ENFILE']);
const FORBIDDEN = new Set(['EACCES', 'EPERM']);
/** What a single file is broken by: its blocks cannot be read, or something else lies in its place. */
const FILE_BROKEN = new Set(['EIO', 'EBADMSG', 'EUCLEAN', 'ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO']);
/** The database tells in words what the system said. */
const SYSTEM_WORDS: readonly (readonly [RegExp, string])[] = [
  [/No space left on device|Disk quota exceeded/, 'ENOSPC'],
  [/Read-only file system/, 'EROFS'],
  [/Permission denied/, 'EACCES'],
  [/Too many open files/, 'EMFILE'],
];

/** The errno name (`ENOENT`) or the database's code (`LEVEL_LOCKED`) of any thrown thing. */
export function causeCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What the database says when files of its own are torn or lost. A broken disk is another matter. */
const DATABASE_DAMAGED = /Corruption|No such file or directory|Is a directory|Invalid argument|repair found no files/;
const NO_DATABASE = /does not exist \(create_if_missing is false\)/;

/** Whether this was thrown because the database itself is damaged, which repairing may help. */
export function isDatabaseDamage(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const ofDatabase = causeCode(at)?.startsWith('LEVEL_') === true;
    if ((ofDatabase && DATABASE_DAMAGED.test(at.message)) || NO_DATABASE.test(at.message)) return true;
  }
  return false;
}

/** Whether the process has no descriptor left: nothing was tried yet. */
export function isWantOfDescriptors(error: unknown): boolean {
  return TOO_MANY_OPEN.has(causeCode(error) ?? '');
}

/**
 * A named error for a failed access to the storage directory; a StoreError passes through as it is.
 *
 * @param what the action that failed, for the message: "writing incoming/ab12"
 */
export function storageError(what: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const text = messageOf(error);
  const code = SYSTEM_WORDS.find(([words]) => words.test(text))?.[1] ?? causeCode(error) ?? '';
  if (FULL.has(code)) {
    return new NoSpaceError(`no space left in the storage directory (${what}); make room on that disk`, error);
  }
  if (TOO_MANY_OPEN.has(code)) {
    return new BusyError(`too many open files (${what}); raise the limit (ulimit -n) or try again later`, error);
  }
  if (FORBIDDEN.has(code)) {
    return new StorageUnusableError(`no permission (${what}): ${text}; make it writable for this user`, error);
  }
  if (code === 'EROFS') {
    return new StorageUnusableError(`the storage directory is read-only (${what}); mount it writable again`, error);
  }
  if (code === 'EXDEV') {
    return new StorageUnusableError(
      `incoming/ and files/ lie on different file systems (${what}); put the whole storage directory on one`,
      error,
    );
  }
  return new StorageUnusableError(`the storage directory cannot be used (${what}): ${text}; check the disk`, error);
}

/**
 * Runs an access to the stored file of a name. What is wrong with this one file alone, be it that it cannot be read, makes
 * it corrupt: another peer's copy is to be used, and this one replaced.
 *
 * @throws ContentCorruptError, and as `named`
 */
export async function namedContent<T>(what: string, access: () => Promise<T>): Promise<T> {
  try {
    return await access();
  } catch (error) {
    const code = causeCode(error);
    if (code === undefined) throw error;
    if (!FILE_BROKEN.has(code)) throw storageError(what, error);
    throw new ContentCorruptError(`the file of this copy cannot be read (${what}): ${messageOf(error)}`, error);
  }
}

/**
 * Runs an access to the storage directory; a failure of the system becomes a named error. A defect of the program
 * (what carries no code of the system) is thrown as it is.
 */
export async function named<T>(what: string, access: () => Promise<T>): Promise<T> {
  try {
    return await access();
  } catch (error) {
    if (causeCode(error) === undefined) throw error;
    throw storageError(what, error);
  }
}
