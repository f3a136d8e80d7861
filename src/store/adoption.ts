/**
 * Takes a file that lies in its place without a record, be it that the catalog was lost or that somebody put a copy
 * there, for the content of a record that another peer sent: proven by its hashes, and not sent again.
 *
 * Hashing takes as long as the file is large, so the name is not locked meanwhile; whether it still is the same file is
 * looked at again under the lock.
 */

import { dirname } from 'node:path';
import { equalBytes } from '../base/bytes.ts';
import { ContentCorruptError } from '../base/errors.ts';
import type { SignedRecord } from '../wire/record.ts';
import { namedContent } from './file-errors.ts';
import { safePath } from './safe-path.ts';
import type { StorageParts } from './storage-parts.ts';
import { OpenContent } from './stored-content.ts';
import { type Pacing, hashContent } from './verification.ts';

/** A file that is what its record says. */
type Proven = { readonly identity: string; readonly hashes: readonly Uint8Array[] };

/** @returns false when there is no such file, it is not the record's, or the name has a record already */
export async function adopt(
  parts: StorageParts,
  record: SignedRecord,
  listed: readonly Uint8Array[] | undefined,
  pacing: Pacing,
): Promise<boolean> {
  const { files, layout, catalog, lock, now } = parts;
  const { name } = record;
  const path = safePath(name);
  const file = layout.file(path);
  if (record.tombstone || (await isTaken(parts, name))) return false;
  const proven = await ifReadable(() => prove(parts, file, record, listed, pacing));
  if (proven === undefined) return false;
  return lock.run(name, async () => {
    if (await isTaken(parts, name)) return false;
    if ((await ifReadable(() => identityOf(parts, file))) !== proven.identity) return false;
    await files.syncDirectory(dirname(file));
    await files.syncDirectory(layout.files);
    const hashes = proven.hashes.length > 1 ? Buffer.concat(proven.hashes) : undefined;
    const entry = { record, path, committedMs: now() };
    await catalog.commit({ entry, present: undefined, hashes, redo: undefined });
    return true;
  });
}

/** By a record, or by a change whose consequences for the file are still to come. */
async function isTaken({ catalog, placement }: StorageParts, name: string): Promise<boolean> {
  return (await catalog.entry(name)) !== undefined || placement.isPending(name);
}

async function prove(
  parts: StorageParts,
  file: string,
  record: SignedRecord,
  listed: readonly Uint8Array[] | undefined,
  pacing: Pacing,
): Promise<Proven | undefined> {
  return withFile(parts, file, async (fd) => {
    if ((await parts.files.size(fd)) !== record.size) return undefined;
    // Before its bytes: what is written to it from now on makes it another one.
    const identity = await parts.files.identity(fd);
    const content = new OpenContent(parts.files, fd, record, []);
    const hasher = await hashContent(content, listed, pacing);
    if (hasher === undefined || !equalBytes(hasher.merkleRoot, record.merkleRoot)) return undefined;
    // Whoever put it there may not have waited until it was on the disk.
    await parts.files.datasync(fd);
    return { identity, hashes: hasher.hashes };
  });
}

function identityOf(parts: StorageParts, file: string): Promise<string | undefined> {
  return withFile(parts, file, (fd) => parts.files.identity(fd));
}

/** Never by way of a link: undefined where one stands. */
async function withFile<T>(
  { files }: StorageParts,
  file: string,
  use: (fd: number) => Promise<T>,
): Promise<T | undefined> {
  if (!(await files.isDirectory(dirname(file)))) return undefined;
  const fd = await files.open(file, 'read');
  try {
    return await use(fd);
  } finally {
    await files.close(fd);
  }
}

/** Undefined where there is no file, or the disk cannot read it. */
async function ifReadable<T>(access: () => Promise<T>): Promise<T | undefined> {
  try {
    return await namedContent('adopting a file', access);
  } catch (error) {
    if (error instanceof ContentCorruptError) return undefined;
    throw error;
  }
}
