/**
 * What became of a store whose signed record has gone out: what the root answers, and where it goes away without a word, what
 * the network has.
 */

import { equalBytes } from '../base/bytes.ts';
import { NotReadyError, OutcomeUnknownError, StoreError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { keyOfName } from '../id/key.ts';
import { compareVersions } from '../id/version.ts';
import { within } from '../net/wait.ts';
import type { FileAnswer } from '../wire/file.ts';
import { openRecord, type SignedRecord } from '../wire/record.ts';
import { isPassing, withRetries } from './retry.ts';
import { expectAnswer, type PlainAnswer, type Session } from './session.ts';
import type { StoreOptions } from './types.ts';

/** A root that has everything answers within this; its disk, and those of the replicas, may be slow. */
const RECEIPT_TIMEOUT_MS = 120_000;
/** How long a peer that went away before its receipt is given to come back and tell. */
const OUTCOME_PATIENCE_MS = 10_000;

export type StoreAsked = {
  readonly session: Session;
  readonly name: string;
  readonly waitFor: number;
  readonly options: StoreOptions;
};

/** The receipt; where the connection ends without one, whether the version has appeared all the same. */
export async function outcome(
  store: StoreAsked,
  record: SignedRecord,
  answering: Promise<FileAnswer>,
): Promise<PlainAnswer> {
  const { name, options } = store;
  let answer: FileAnswer;
  try {
    answer = await within(answering, { timeoutMs: RECEIPT_TIMEOUT_MS, signal: options.signal }, 'the receipt');
  } catch (error) {
    if (!isPassing(error)) throw error;
    const kept = await findVersion(store, record);
    if (kept !== undefined) return kept;
    throw new OutcomeUnknownError(
      `"${name}" may have been stored, whole, or not: the peer went away before it answered (${error.message}). ` +
        'Fetch the file to see, or store it again.',
      error,
    );
  }
  // What the root refuses it has not done.
  if (answer.type === 'failure') throw answer.error;
  return answer;
}

/** A receipt for the version, if as many peers hold it as were asked for, or undefined if that cannot be seen now. */
async function findVersion(
  { session, name, waitFor, options: { signal } }: StoreAsked,
  record: SignedRecord,
): Promise<PlainAnswer | undefined> {
  const retry = { log: session.log, signal, patienceMs: OUTCOME_PATIENCE_MS };
  try {
    return await withRetries('looking for the outcome', retry, async () => {
      const { replicaSet } = await session.entry.locate(keyOfName(session.reader.idSpace, name), signal);
      const holding = await Promise.all(replicaSet.map((peer) => holdsVersion(session, peer, record, signal)));
      const replicas = replicaSet.filter((_, index) => holding[index]);
      if (replicas.length < waitFor) throw new NotReadyError(`only ${String(replicas.length)} peers have it`);
      return { type: 'receipt', replicas: replicas.map(({ nodeId, peerId }) => ({ nodeId, peerId })) };
    });
  } catch (error) {
    if (signal?.aborted === true || !(error instanceof StoreError)) throw error;
    return undefined;
  }
}

async function holdsVersion(
  session: Session,
  peer: Contact,
  { name, version, owner }: SignedRecord,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    const { lease, answer } = await session.ask(peer, { type: 'stat', name, localOnly: true }, signal);
    lease.release();
    const present = openRecord(expectAnswer(answer, 'stat').record, session.reader.networkId);
    return compareVersions(present.version, version) === 0 && equalBytes(present.owner, owner);
  } catch (error) {
    if (signal?.aborted === true || !(error instanceof StoreError)) throw error;
    return false;
  }
}
