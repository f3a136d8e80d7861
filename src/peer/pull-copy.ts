/** Fetches one file, or one removal, from a peer that holds it, into this peer's own directory. */

import { BadMessageError, NotFoundError, NotPermittedError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { keyOfName } from '../id/key.ts';
import { compareVersions } from '../id/version.ts';
import { exchange } from '../net/exchange.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { decodeFileAnswer, encodeFileRequest } from '../wire/file.ts';
import type { Holding } from '../wire/holding.ts';
import { FILE_FRAME_BYTES_MAX, HASH_BYTES, HASHES_PER_PAGE } from '../wire/limits.ts';
import { openRecord, type SignedRecord } from '../wire/record.ts';
import { checkCopy } from '../wire/succession.ts';
import { askReplica } from './ask-replica.ts';
import type { RepairContext } from './repair-context.ts';
import { setAsideDisplaced } from './displaced.ts';
import { mayReplace } from './pulls.ts';
import { receiveContent } from './receive-content.ts';

/** Its disk may be slow, and its users come first. */
const TURN_TIMEOUT_MS = 15_000;
const CONTENT_TIMEOUT_MS = 30_000;

/** @throws NotFoundError when it holds something else by now, VersionConflictError when what is here stays, NoSpaceError … */
export async function pullCopy(context: RepairContext, from: Contact, name: string, holding: Holding): Promise<void> {
  const { storage, placement, idSpace, replicaQuestions, fileStreams } = context;
  const mine = await storage.record(name);
  if (!mayReplace(mine, holding)) return;
  // An old version is followed even where the new one does not belong: it is handed over from here like any stray.
  if (mine === undefined && !placement.mayHold(keyOfName(idSpace, name), holding.replicas)) return;
  if (holding.tombstone) {
    const answer = await askReplica(replicaQuestions, from, { type: 'record', name }, 'record');
    const record = checked(context, answer.envelope, name, holding);
    await setAsideDisplaced(storage, context.log, record);
    await storage.commitTombstone(record, checkCopy);
    return;
  }
  const request = encodeFileRequest({
    type: 'get',
    name,
    version: holding.version,
    offset: 0,
    length: 0,
    localOnly: true,
  });
  const wait = { timeoutMs: TURN_TIMEOUT_MS };
  const { lease, answer } = await exchange(fileStreams, from, request, FILE_FRAME_BYTES_MAX, wait);
  try {
    const content = decodeFileAnswer(answer);
    if (content.type === 'failure') throw content.error;
    if (content.type !== 'content') throw new BadMessageError(`a peer answered with a ${content.type}`);
    const record = checked(context, content.record, name, holding);
    checkCopy(mine, record);
    // After the loss of a catalog the content may lie here already.
    if (await storage.adopt(record, undefined)) {
      lease.discard();
      return;
    }
    if (content.chunkCount > 1) await skipHashes(lease.stream, content.chunkCount);
    await receive(context, lease.stream, record);
    lease.release();
  } catch (error) {
    lease.discard();
    throw error;
  }
}

function checked(context: RepairContext, envelope: Uint8Array, name: string, holding: Holding): SignedRecord {
  const record = openRecord(envelope, context.networkId);
  if (record.name !== name) throw new BadMessageError('a record of another name than the one that was asked for');
  if (record.tombstone !== holding.tombstone || compareVersions(record.version, holding.version) !== 0) {
    throw new NotFoundError(`another version of "${name}" is there by now`);
  }
  if (record.replicas !== holding.replicas) throw new NotPermittedError('a record that is not what was announced');
  return record;
}

/** What comes is hashed while it is staged, and the hashes' root is in the record. */
async function skipHashes(stream: FrameStream, count: number): Promise<void> {
  for (let left = count; left > 0; left -= HASHES_PER_PAGE) {
    const page = Math.min(left, HASHES_PER_PAGE) * HASH_BYTES;
    await stream.readFrameParts(page, { timeoutMs: CONTENT_TIMEOUT_MS });
  }
}

async function receive({ storage, log }: RepairContext, stream: FrameStream, record: SignedRecord): Promise<void> {
  const { chunkBytes, size } = record;
  const staged = await storage.stage({ chunkBytes, sizeHint: size });
  try {
    await receiveContent(stream, [staged], chunkBytes, CONTENT_TIMEOUT_MS);
    await staged.finish();
    await setAsideDisplaced(storage, log, record);
    await storage.commit(staged, record, checkCopy);
  } catch (error) {
    await staged.discard();
    throw error;
  }
}
