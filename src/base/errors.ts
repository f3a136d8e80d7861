/**
 * Every failure that can be expected has a class here with a stable `code`. Codes travel over the wire and
 * stand in `--json` output, so they never change their meaning. Which exit status belongs to a code is the
 * command line's business (src/cli/exit-status.ts).
 */

export type ErrorCode =
  | 'FAILED'
  | 'USAGE'
  | 'INVALID_NAME'
  | 'NOT_FOUND'
  | 'TOO_FEW_REPLICAS'
  | 'CONTENT_CORRUPT'
  | 'UNREACHABLE'
  | 'NO_SPACE'
  | 'VERSION_CONFLICT'
  | 'NOT_PERMITTED'
  | 'OUTCOME_UNKNOWN'
  | 'INTERRUPTED'
  | 'OUTPUT_EXISTS'
  | 'BUSY'
  | 'TIMEOUT'
  | 'NOT_ROOT'
  | 'NOT_READY'
  | 'BAD_MESSAGE'
  | 'FRAME_TOO_LARGE'
  | 'UNEXPECTED_MESSAGE'
  | 'STREAM_CLOSED'
  | 'NO_HELLO'
  | 'HELLO_REFUSED'
  | 'NETWORK_CHANGED'
  | 'STORAGE_LOCKED'
  | 'STORAGE_UNUSABLE';

/** Base of all expected failures. `message` is for people and names the remedy where there is one. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

function errorClass<C extends ErrorCode>(code: C, name: string) {
  return class extends StoreError {
    override readonly name = name;
    declare readonly code: C;
    constructor(message: string, cause?: unknown) {
      super(code, message, cause);
    }
  };
}

export class UsageError extends errorClass('USAGE', 'UsageError') {}
export class InvalidNameError extends errorClass('INVALID_NAME', 'InvalidNameError') {}
export class NotFoundError extends errorClass('NOT_FOUND', 'NotFoundError') {}
export class TooFewReplicasError extends errorClass('TOO_FEW_REPLICAS', 'TooFewReplicasError') {}
export class ContentCorruptError extends errorClass('CONTENT_CORRUPT', 'ContentCorruptError') {}
export class UnreachableError extends errorClass('UNREACHABLE', 'UnreachableError') {}
export class NoSpaceError extends errorClass('NO_SPACE', 'NoSpaceError') {}
export class VersionConflictError extends errorClass('VERSION_CONFLICT', 'VersionConflictError') {}
export class NotPermittedError extends errorClass('NOT_PERMITTED', 'NotPermittedError') {}
export class OutcomeUnknownError extends errorClass('OUTCOME_UNKNOWN', 'OutcomeUnknownError') {}
export class InterruptedError extends errorClass('INTERRUPTED', 'InterruptedError') {}
export class OutputExistsError extends errorClass('OUTPUT_EXISTS', 'OutputExistsError') {}
export class BusyError extends errorClass('BUSY', 'BusyError') {}
export class TimeoutError extends errorClass('TIMEOUT', 'TimeoutError') {}
export class NotReadyError extends errorClass('NOT_READY', 'NotReadyError') {}
export class BadMessageError extends errorClass('BAD_MESSAGE', 'BadMessageError') {}
export class FrameTooLargeError extends errorClass('FRAME_TOO_LARGE', 'FrameTooLargeError') {}
export class UnexpectedMessageError extends errorClass('UNEXPECTED_MESSAGE', 'UnexpectedMessageError') {}
export class StreamClosedError extends errorClass('STREAM_CLOSED', 'StreamClosedError') {}
export class NoHelloError extends errorClass('NO_HELLO', 'NoHelloError') {}
export class HelloRefusedError extends errorClass('HELLO_REFUSED', 'HelloRefusedError') {}
export class NetworkChangedError extends errorClass('NETWORK_CHANGED', 'NetworkChangedError') {}
export class StorageLockedError extends errorClass('STORAGE_LOCKED', 'StorageLockedError') {}
export class StorageUnusableError extends errorClass('STORAGE_UNUSABLE', 'StorageUnusableError') {}

/** The stable code of any thrown thing; 'FAILED' for what nobody expected. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof StoreError ? error.code : 'FAILED';
}

/** A short text of any thrown thing, for messages and logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
