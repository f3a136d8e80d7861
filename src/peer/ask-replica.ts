/** One question of a peer to another about the copies it keeps, and its answer. */

import { BadMessageError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { exchange } from '../net/exchange.ts';
import type { StreamPool } from '../net/stream-pool.ts';
import { REPLICA_FRAME_BYTES_MAX } from '../wire/limits.ts';
import { decodeReplicaAnswer, encodeReplicaRequest, type ReplicaAnswer, type ReplicaRequest } from '../wire/replica.ts';

/** A peer that is alive answers within this, busy or not. */
const ANSWER_TIMEOUT_MS = 3_000;

/** @throws what it answers, if that is a failure; UnreachableError, TimeoutError, StreamClosedError, BadMessageError */
export async function askReplica<K extends ReplicaAnswer['type']>(
  pool: StreamPool,
  to: Contact,
  request: ReplicaRequest,
  expected: K,
  timeoutMs = ANSWER_TIMEOUT_MS,
): Promise<Extract<ReplicaAnswer, { type: K }>> {
  const { lease, answer } = await exchange(pool, to, encodeReplicaRequest(request), REPLICA_FRAME_BYTES_MAX, {
    timeoutMs,
  });
  try {
    const decoded = decodeReplicaAnswer(answer);
    if (decoded.type === 'failure') throw decoded.error;
    if (decoded.type !== expected) throw new BadMessageError(`a peer answered with a ${decoded.type}`);
    lease.release();
    return decoded as Extract<ReplicaAnswer, { type: K }>;
  } catch (error) {
    lease.discard();
    throw error;
  }
}
