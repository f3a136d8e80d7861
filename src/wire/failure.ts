/** Named errors on the wire: code and message go over, and come out as the same class of error at the other side. */

import { codeOf, messageOf, StoreError, type ErrorCode } from '../base/errors.ts';

const MESSAGE_CHARACTERS_MAX = 500;

/** Codes that one side may report to the other; anything else comes out as FAILED. */
const TRAVELLING = new Set<string>([
  'INVALID_NAME',
  'NOT_FOUND',
  'TOO_FEW_REPLICAS',
  'CONTENT_CORRUPT',
  'UNREACHABLE',
  'NO_SPACE',
  'VERSION_CONFLICT',
  'NOT_PERMITTED',
  'OUTCOME_UNKNOWN',
  'BUSY',
  'TIMEOUT',
  'NOT_ROOT',
  'NOT_READY',
  'BAD_MESSAGE',
  'FRAME_TOO_LARGE',
  'UNEXPECTED_MESSAGE',
  'HELLO_REFUSED',
  'NO_HELLO',
  'STORAGE_UNUSABLE',
] satisfies ErrorCode[]);

export type WireFailureFields = { code: string; message: string };

export function encodeFailure(error: unknown): WireFailureFields {
  return { code: codeOf(error), message: messageOf(error).slice(0, MESSAGE_CHARACTERS_MAX) };
}

/** The error that the other side named. Its text is cleaned of control characters: it will stand on a terminal. */
export function decodeFailure({ code, message }: WireFailureFields): StoreError {
  // eslint-disable-next-line no-control-regex -- what terminals obey is what is taken out
  const text = message.slice(0, MESSAGE_CHARACTERS_MAX).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
  return new StoreError(TRAVELLING.has(code) ? (code as ErrorCode) : 'FAILED', text);
}
