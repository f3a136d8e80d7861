/** Removes a file: the same as a store, with a signed tombstone in place of content. */

import { randomBytes } from 'node:crypto';
import { sha256 } from '@noble/hashes/sha2.js';
import { OutcomeUnknownError, type StoreError } from '../base/errors.ts';
import { checkName } from '../id/key.ts';
import { formatVersion, VERSION_TAG_BYTES } from '../id/version.ts';
import { Trailer } from '../wire/generated/file.ts';
import { FILE_FRAME_BYTES_MAX } from '../wire/limits.ts';
import { signRecord, type SignedRecord } from '../wire/record.ts';
import { consentFor, nextVersion } from './next-version.ts';
import { isPassing, withRetries } from './retry.ts';
import { ANSWER_TIMEOUT_MS, expectAnswer, plainAnswer, type Arrival, type Session } from './session.ts';
import type { CallOptions, RemoveReceipt } from './types.ts';

const NOTHING = sha256(new Uint8Array(0));

export async function removeFile(session: Session, name: string, options: CallOptions): Promise<RemoveReceipt> {
  const startedAt = performance.now();
  checkName(name);
  const tag = randomBytes(VERSION_TAG_BYTES);
  const alsoPassing = ({ code }: StoreError) => code === 'TOO_FEW_REPLICAS';
  const retry = { log: session.log, signal: options.signal, alsoPassing };
  const { arrival, record } = await withRetries(`removing "${name}"`, retry, () =>
    attempt(session, name, tag, options),
  );
  return {
    name,
    ...arrival.route,
    version: formatVersion(record.version),
    root: session.nameOf(arrival.root),
    ms: Math.round(performance.now() - startedAt),
  };
}

async function attempt(
  session: Session,
  name: string,
  tag: Uint8Array,
  { signal }: CallOptions,
): Promise<{ arrival: Arrival; record: SignedRecord }> {
  const arrival = await session.arrive(name, { type: 'remove', name }, signal);
  const { lease } = arrival;
  const wait = { timeoutMs: ANSWER_TIMEOUT_MS, signal };
  try {
    const { highest, record: present, inDoubt } = expectAnswer(arrival.answer, 'put-ready');
    const record = signRecord(session.key, {
      networkId: session.reader.networkId,
      name,
      version: nextVersion(highest, tag, inDoubt),
      tombstone: true,
      size: 0,
      sha256: NOTHING,
      chunkBytes: session.parameters.chunkBytes,
      merkleRoot: NOTHING,
      // Whoever holds a copy is to hear of it.
      replicas: highest?.replicas ?? session.parameters.replicas,
      modifiedMs: 0,
      mode: 0,
      shared: false,
      formerOwnerConsent: consentFor(session.key, present, session.reader.networkId),
    });
    await lease.stream.writeFrame(Trailer.encode({ record: record.envelope }), wait);
    // Only silence leaves the outcome open; what the root refuses it has not done.
    const frame = await lease.stream.readFrame(FILE_FRAME_BYTES_MAX, wait).catch((error: unknown) => {
      throw isPassing(error) ? unknownOutcome(name, error) : error;
    });
    if (frame === undefined) throw unknownOutcome(name, undefined);
    expectAnswer(plainAnswer(frame), 'receipt');
    lease.release();
    return { arrival, record };
  } catch (error) {
    lease.discard();
    throw error;
  }
}

function unknownOutcome(name: string, cause: unknown): OutcomeUnknownError {
  return new OutcomeUnknownError(
    `"${name}" may have been removed or not: the peer went away before it answered`,
    cause,
  );
}
