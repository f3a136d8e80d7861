/**
 * Reads this peer's own files again and holds every chunk against the hash that its owner has signed. A damaged copy is
 * put into quarantine at once, and fetched anew from those who hold a good one.
 */

import { NotFoundError } from '../base/errors.ts';
import { checkName } from '../id/key.ts';
import { interruption } from '../net/wait.ts';
import type { SignedRecord } from '../wire/record.ts';
import type { OnControlProgress, VerifyReport } from './control-protocol.ts';
import type { FileContext } from './file-context.ts';
import { setAsideDamaged } from './serve-check.ts';

/** More of them are counted, not named. */
const DAMAGED_NAMED_MAX = 1_000;
const PAGE = 64;

/**
 * @param name one file only
 * @throws NotFoundError when there is no such file here; InterruptedError
 */
export async function verifyFiles(
  context: FileContext,
  name: string | undefined,
  onProgress: OnControlProgress,
  signal: AbortSignal,
): Promise<VerifyReport> {
  const { storage } = context;
  const total = name === undefined ? storage.totals.bytes : undefined;
  const damaged: { name: string; problem: string }[] = [];
  let [files, bytes, damagedFiles] = [0, 0, 0];
  for await (const record of name === undefined ? allFiles(storage) : oneFile(storage, name)) {
    if (signal.aborted) throw interruption(signal);
    const soundness = await storage.verify(record.name);
    bytes += record.size;
    onProgress(bytes, Math.max(total ?? record.size, bytes));
    if (soundness === 'absent') continue; // Replaced or removed meanwhile.
    files++;
    if (soundness === 'good') continue;
    damagedFiles++;
    const healing = await setAsideDamaged(context, record);
    const then = healing ? 'put into quarantine, and fetched anew' : 'there is no other copy';
    const problem = `its bytes are not those that were stored; ${then}`;
    if (damaged.length < DAMAGED_NAMED_MAX) damaged.push({ name: record.name, problem });
  }
  return { files, bytes, damaged, damagedFiles };
}

type Storage = FileContext['storage'];

async function* oneFile(storage: Storage, name: string): AsyncGenerator<SignedRecord> {
  checkName(name);
  const record = await storage.record(name);
  if (record === undefined || record.tombstone) throw new NotFoundError(`this peer has no copy of "${name}"`);
  yield record;
}

async function* allFiles(storage: Storage): AsyncGenerator<SignedRecord> {
  let after = '';
  for (let more = true; more;) {
    const page = await storage.list({ prefix: '', after, limit: PAGE });
    yield* page.records;
    more = page.more;
    after = page.records.at(-1)?.name ?? '';
  }
}
