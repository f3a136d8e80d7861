/**
 * A root and a writer that comes back agree on where to go on. The other replicas kept nothing of what broke off, so that
 * the root brings them its own chunks before the writer sends the rest. That may take as long as sending took at first; the
 * writer is told now and then how far it is, and can tell a root that works from one that has died.
 */

import { BadMessageError, StreamClosedError } from '../base/errors.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { decodeResumeFrom, encodeFileAnswer, RESUME_FROM_BYTES_MAX, type KeptChunks } from '../wire/file.ts';
import type { OwnCopy } from './own-copy.ts';
import { ANSWER_TIMEOUT_MS } from './protocol-rules.ts';
import type { ReplicaChain } from './replica-chain.ts';

const TELL_EVERY_MS = 2_000;

/** Until the writer may send content, which goes behind what `own` then has. */
export async function goOn(
  stream: FrameStream,
  own: OwnCopy,
  { chunks: kept }: KeptChunks,
  chain: ReplicaChain,
): Promise<void> {
  const frame = await stream.readFrame(RESUME_FROM_BYTES_MAX, { timeoutMs: ANSWER_TIMEOUT_MS });
  if (frame === undefined) throw new StreamClosedError('the writer went away before it said where to go on');
  const chunks = decodeResumeFrom(frame);
  if (chunks === 0) return own.startAnew();
  if (chunks !== kept) throw new BadMessageError('a point of resumption that was not offered');
  await passOn(stream, own, kept, chain);
  await tell(stream, kept);
}

async function passOn(stream: FrameStream, own: OwnCopy, kept: number, chain: ReplicaChain): Promise<void> {
  if (chain.over) return;
  let passed = 0;
  let toldAt = performance.now();
  for await (const chunk of own.keptChunks()) {
    await chain.write([chunk]);
    passed++;
    if (chain.over) return;
    // The last one is for the caller to tell.
    if (passed === kept || performance.now() - toldAt < TELL_EVERY_MS) continue;
    await tell(stream, passed);
    toldAt = performance.now();
  }
}

function tell(stream: FrameStream, chunks: number): Promise<void> {
  return stream.writeFrame(encodeFileAnswer({ type: 'resuming', chunks }), { timeoutMs: ANSWER_TIMEOUT_MS });
}
