/** The peer's side of the replica protocol: what other peers ask about copies, one operation after another on a stream. */

import { StoreError, UnexpectedMessageError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import type { RemoteIdentity } from '../net/link.ts';
import type { ContactReader } from '../wire/contact.ts';
import { REPLICA_FRAME_BYTES_MAX } from '../wire/limits.ts';
import { decodeReplicaRequest, encodeReplicaAnswer, type ReplicaAnswer, type ReplicaRequest } from '../wire/replica.ts';
import type { FileContext } from './file-context.ts';
import { ANSWER_TIMEOUT_MS, isViolation, STREAM_IDLE_TIMEOUT_MS } from './protocol-rules.ts';
import { answerCompare, answerEntries, answerHoldings, answerRecord } from './serve-holdings.ts';
import { serveReplicate } from './serve-replicate.ts';

/** Serves one stream until the other side closes it. */
export async function serveReplicas(
  context: FileContext,
  reader: ContactReader,
  stream: FrameStream,
  remote: RemoteIdentity,
): Promise<void> {
  const from = remote.contact;
  if (from === undefined) throw new UnexpectedMessageError(`a ${remote.role} may not speak the replicas' protocol`);
  for (;;) {
    const frame = await stream.readFrame(REPLICA_FRAME_BYTES_MAX, { timeoutMs: STREAM_IDLE_TIMEOUT_MS });
    if (frame === undefined) return;
    const request = decodeReplicaRequest(frame, reader);
    if (request.type === 'replicate') {
      await context.replicating.run(() => serveReplicate(context, stream, request));
      continue;
    }
    const answer = await answerTo(context, request, from).catch((error: unknown): ReplicaAnswer => {
      if (!(error instanceof StoreError) || isViolation(error)) throw error;
      return { type: 'failure', error };
    });
    await stream.writeFrame(encodeReplicaAnswer(answer), { timeoutMs: ANSWER_TIMEOUT_MS });
  }
}

function answerTo(
  context: FileContext,
  request: Exclude<ReplicaRequest, { type: 'replicate' }>,
  from: Contact,
): Promise<ReplicaAnswer> {
  switch (request.type) {
    case 'holdings':
      return answerHoldings(context, request, from);
    case 'record':
      return answerRecord(context, request.name);
    case 'compare':
      return answerCompare(context, request);
    case 'entries':
      return answerEntries(context, request);
  }
}
