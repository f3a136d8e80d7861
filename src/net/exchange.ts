/**
 * One request and its answer on a pooled stream. A stream that was kept from an earlier operation may have died
 * meanwhile without anybody's fault: then, and only when nothing of an answer has come, the request is made once
 * more on a new one.
 */

import { StreamClosedError } from '../base/errors.ts';
import type { StreamLease, StreamPool } from './stream-pool.ts';
import type { DialTarget } from './dial-target.ts';
import type { Wait } from './wait.ts';

export type Exchange = { readonly lease: StreamLease; readonly answer: Uint8Array };

/**
 * Sends the request frame and reads the first frame of the answer. The caller goes on with the lease, and releases
 * or discards it.
 *
 * @throws UnreachableError, TimeoutError, StreamClosedError, FrameTooLargeError
 */
export async function exchange(
  pool: StreamPool,
  target: DialTarget,
  request: Uint8Array,
  answerBytesMax: number,
  wait: Wait,
): Promise<Exchange> {
  for (;;) {
    const lease = await pool.lease(target, wait);
    try {
      await lease.stream.writeFrame(request, wait);
      const answer = await lease.stream.readFrame(answerBytesMax, wait);
      if (answer === undefined) throw new StreamClosedError('the other side closed the stream instead of answering');
      return { lease, answer };
    } catch (error) {
      lease.discard();
      if (!(lease.reused && error instanceof StreamClosedError)) throw error;
    }
  }
}
