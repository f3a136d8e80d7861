/**
 * Which exit status belongs to which error code: the contract of the commands with scripts. The table of `--help`
 * is made from the same list, so that the two cannot differ.
 */

import type { ErrorCode } from '../base/errors.ts';

export const STATUS_DONE = 0;
export const STATUS_FAILED = 1;
export const STATUS_USAGE = 2;
export const STATUS_INTERRUPTED = 130;

const STATUS_OF_CODE: Readonly<Record<ErrorCode, number>> = {
  FAILED: STATUS_FAILED,
  OUTPUT_EXISTS: STATUS_FAILED,
  BUSY: STATUS_FAILED,
  NOT_ROOT: STATUS_FAILED,
  NOT_READY: STATUS_FAILED,
  BAD_MESSAGE: STATUS_FAILED,
  FRAME_TOO_LARGE: STATUS_FAILED,
  UNEXPECTED_MESSAGE: STATUS_FAILED,
  STORAGE_LOCKED: STATUS_FAILED,
  STORAGE_UNUSABLE: STATUS_FAILED,
  USAGE: STATUS_USAGE,
  INVALID_NAME: STATUS_USAGE,
  NOT_FOUND: 3,
  TOO_FEW_REPLICAS: 4,
  CONTENT_CORRUPT: 5,
  UNREACHABLE: 6,
  TIMEOUT: 6,
  STREAM_CLOSED: 6,
  NO_HELLO: 6,
  NO_SPACE: 7,
  VERSION_CONFLICT: 8,
  NOT_PERMITTED: 9,
  HELLO_REFUSED: 9,
  NETWORK_CHANGED: 9,
  OUTCOME_UNKNOWN: 10,
  INTERRUPTED: STATUS_INTERRUPTED,
};

export function statusOf(code: ErrorCode): number {
  return STATUS_OF_CODE[code];
}

const MEANINGS: readonly (readonly [number, string])[] = [
  [STATUS_DONE, 'done'],
  [STATUS_FAILED, 'failed'],
  [STATUS_USAGE, 'wrong usage'],
  [3, 'no such file'],
  [4, 'too few replicas reachable; nothing was changed'],
  [5, 'content failed its hash'],
  [6, 'no peer or discovery peer reachable'],
  [7, 'no space'],
  [8, 'version conflict'],
  [9, 'not permitted'],
  [10, 'outcome unknown: it may have been stored, whole, or not'],
  [STATUS_INTERRUPTED, 'interrupted'],
];

/** The lines of the help page about some of the statuses, or all of them. */
export function statusTable(only: readonly number[] = MEANINGS.map(([status]) => status)): string {
  const lines = MEANINGS.filter(([status]) => only.includes(status));
  return ['Exit status:', ...lines.map(([status, meaning]) => `  ${String(status).padStart(3)}  ${meaning}`)].join(
    '\n',
  );
}
