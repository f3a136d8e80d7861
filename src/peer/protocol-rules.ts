/** How long the other side of a stream is waited for, and when it has broken the protocol. The same for clients and peers. */

import type { ErrorCode, StoreError } from '../base/errors.ts';

/** A client that sends nothing of a request's next frame for this long has gone away; pipes may pause that long. */
export const CONTENT_IDLE_TIMEOUT_MS = 10 * 60_000;
/** An answer that the other side does not take for this long is given up. */
export const ANSWER_TIMEOUT_MS = 60_000;

/** A stream on which nothing is asked for this long is closed. Whoever opens one closes it sooner. */
export const STREAM_IDLE_TIMEOUT_MS = 120_000;

/** Whoever causes one of these does not follow the protocol, or is gone: no answer would be understood. */
const VIOLATIONS = new Set<ErrorCode>([
  'BAD_MESSAGE',
  'FRAME_TOO_LARGE',
  'UNEXPECTED_MESSAGE',
  'STREAM_CLOSED',
  'TIMEOUT',
]);

export function isViolation({ code }: StoreError): boolean {
  return VIOLATIONS.has(code);
}
