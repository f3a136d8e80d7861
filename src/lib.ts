/**
 * What the package exports to programs: `connect`, the types of what it returns, and the errors it throws. Nothing
 * inside src imports this file.
 */

export { connect } from './client/connect.ts';
export type { ConnectOptions } from './client/connect.ts';
export type { FileStore } from './client/file-store.ts';
export {
  BusyError,
  ContentCorruptError,
  InterruptedError,
  InvalidNameError,
  NetworkChangedError,
  NoSpaceError,
  NotFoundError,
  NotPermittedError,
  OutcomeUnknownError,
  OutputExistsError,
  StoreError,
  TimeoutError,
  TooFewReplicasError,
  UnreachableError,
  UsageError,
  VersionConflictError,
} from './base/errors.ts';
export type { ErrorCode } from './base/errors.ts';
export type { Log, LogFields } from './base/log.ts';
export type {
  CallOptions,
  ContentShape,
  Explanation,
  FetchOptions,
  FetchReceipt,
  FetchSink,
  FetchTarget,
  FileEntry,
  Holder,
  Hop,
  LeftContent,
  LookupResult,
  OnProgress,
  PeerName,
  RemoveReceipt,
  Route,
  StatResult,
  StoreOptions,
  StoreReceipt,
  StoreSource,
  WaitFor,
} from './client/types.ts';
