/** The entry peer's side of a client's lookups: many under way on one stream, answered as they end. */

import { BusyError, StoreError } from '../base/errors.ts';
import type { Key } from '../id/id-space.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { GatheredWrites } from '../net/gathered-writes.ts';
import type { ContactReader } from '../wire/contact.ts';
import {
  decodeLookupRequest,
  encodeLocated,
  encodeLookupFailure,
  LOOKUP_REQUEST_BYTES_MAX,
  type Located,
  type LookupRequest,
} from '../wire/lookup.ts';

/** A client's stream on which nothing is asked for this long is closed; it opens another when it needs one. */
const STREAM_IDLE_TIMEOUT_MS = 10 * 60_000;
const ANSWER_TIMEOUT_MS = 30_000;
/** Lookups of one client under way at once. */
const UNDER_WAY_MAX = 1_024;

export type Locate = (key: Key) => Promise<Located>;

export async function serveLookups(stream: FrameStream, reader: ContactReader, locate: Locate): Promise<void> {
  let underWay = 0;
  const writes = new GatheredWrites(stream, { timeoutMs: ANSWER_TIMEOUT_MS });
  const answer = async ({ requestId, key }: LookupRequest): Promise<void> => {
    const frame = await locate(key).then(
      (located) => encodeLocated(requestId, located),
      (error: unknown) => {
        if (!(error instanceof StoreError)) throw error;
        return encodeLookupFailure(requestId, error);
      },
    );
    // Counted until it is written: who does not read answers may not ask on.
    await writes.write(frame);
    underWay--;
  };
  for (;;) {
    const frame = await stream.readFrame(LOOKUP_REQUEST_BYTES_MAX, { timeoutMs: STREAM_IDLE_TIMEOUT_MS });
    if (frame === undefined) return;
    const request = decodeLookupRequest(frame, reader);
    if (underWay >= UNDER_WAY_MAX) {
      const busy = new BusyError(`more than ${String(UNDER_WAY_MAX)} lookups at once`);
      await writes.write(encodeLookupFailure(request.requestId, busy));
      continue;
    }
    underWay++;
    answer(request).catch((error: unknown) => {
      stream.abort(error as Error);
      if (!(error instanceof StoreError)) throw error;
    });
  }
}
