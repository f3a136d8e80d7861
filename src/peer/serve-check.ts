/**
 * Damaged copies: one that a reader or this peer itself has found is set aside, if others hold the file too, and fetched
 * anew. The only copy stays where it is: somebody may want to save what is left of it.
 */

import { createHash } from 'node:crypto';
import { equalBytes } from '../base/bytes.ts';
import { BadMessageError, ContentCorruptError, NotFoundError } from '../base/errors.ts';
import { keyOfName } from '../id/key.ts';
import { compareVersions } from '../id/version.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { encodeFileAnswer, type FileRequest } from '../wire/file.ts';
import type { SignedRecord } from '../wire/record.ts';
import type { FileContext } from './file-context.ts';
import { ANSWER_TIMEOUT_MS } from './protocol-rules.ts';

type CheckRequest = Extract<FileRequest, { type: 'check' }>;

/** A reader says that a chunk is not what it should be: it is believed only when it is seen here, too. */
export async function serveCheck(context: FileContext, stream: FrameStream, request: CheckRequest): Promise<void> {
  const { name, version, chunk } = request;
  const record = await context.storage.record(name);
  if (record === undefined || record.tombstone || compareVersions(record.version, version) !== 0) {
    throw new NotFoundError(`that version of "${name}" is not here`);
  }
  const setAside = (await isDamaged(context, record, chunk)) && (await setAsideDamaged(context, record));
  await stream.writeFrame(encodeFileAnswer({ type: 'checked', setAside }), { timeoutMs: ANSWER_TIMEOUT_MS });
}

/** @returns false when there is no other copy to replace it by */
export async function setAsideDamaged(context: FileContext, record: SignedRecord): Promise<boolean> {
  const { storage, repair, log } = context;
  const { name, version } = record;
  const elsewhere = await isElsewhere(context, record);
  log.error('damaged-copy', { name, elsewhere });
  if (!elsewhere) return false;
  const done = await storage.quarantine(name, version);
  repair.fetchAnew();
  return done;
}

/** Another of those who should hold it has this version, or a newer one. */
async function isElsewhere({ placement, inquiry, idSpace, ring }: FileContext, record: SignedRecord): Promise<boolean> {
  const members = placement.nearest(keyOfName(idSpace, record.name), record.replicas + 1);
  const others = members.filter(({ peerId }) => peerId !== ring.self.peerId);
  const { highest } = await inquiry.ask(record.name, others);
  return highest !== undefined && compareVersions(highest.holding.version, record.version) >= 0;
}

async function isDamaged({ storage }: FileContext, record: SignedRecord, chunk: number): Promise<boolean> {
  try {
    const content = await storage.openContent(record);
    try {
      const expected = content.chunkHashes[chunk];
      if (expected === undefined) throw new BadMessageError('a chunk that the file has not');
      const from = chunk * record.chunkBytes;
      const digest = createHash('sha256');
      for await (const piece of content.read(from, Math.min(record.chunkBytes, record.size - from)))
        digest.update(piece);
      return !equalBytes(digest.digest(), expected);
    } finally {
      await content.close();
    }
  } catch (error) {
    if (error instanceof ContentCorruptError) return true;
    throw error;
  }
}
