/**
 * What a running peer and the commands beside it say to each other over the socket in the peer's storage directory:
 * JSON, one object a line, each with the protocol's version. One request a connection; the answer is any number of
 * progress lines, then one result or one error. A client that ends its side of the connection before the result calls
 * the operation off, and still gets the line that says what became of it.
 */

import { BadMessageError, codeOf, messageOf, StoreError, type ErrorCode } from '../base/errors.ts';

const CONTROL_VERSION = 1;
/** In the storage directory. */
export const CONTROL_SOCKET = 'control.sock';
/** Enough for the longest name, escaped. */
export const REQUEST_CHARACTERS_MAX = 16 * 1024;
/** Enough for a report of a thousand damaged files. */
export const ANSWER_CHARACTERS_MAX = 16 * 1024 * 1024;
/** While it works, a peer says so at least this often. */
export const SIGN_OF_LIFE_MS = 1_000;

export type PeerStatus = {
  /** Hex. */
  readonly nodeId: string;
  readonly peerId: string;
  readonly addrs: readonly string[];
  readonly storage: string;
  readonly network: {
    readonly id: string;
    readonly name: string;
    readonly replicas: number;
    readonly repairDelayMs: number;
  };
  readonly peersKnown: number;
  /** Node ids in hex. */
  readonly leafSet: readonly string[];
  readonly files: number;
  readonly tombstones: number;
  /** Of all files together. */
  readonly bytes: number;
  readonly space?: { readonly usedBytes: number; readonly capacityBytes?: number; readonly freeBytes: number };
  readonly repair: RepairStatus;
  /** Since 1970. */
  readonly startedAtMs: number;
  /** Of the program. */
  readonly version: string;
};

export type RepairStatus = {
  /** Files that are being copied, or compared, now. */
  readonly underWay: number;
  readonly waiting: number;
  /** When the last one ended, since 1970. */
  readonly lastAtMs?: number;
  /** Node ids, in hex, of peers that are away and still expected back. */
  readonly absent: readonly string[];
};

export type VerifyReport = {
  readonly files: number;
  readonly bytes: number;
  /** The first of them, if there are very many. */
  readonly damaged: readonly { readonly name: string; readonly problem: string }[];
  readonly damagedFiles: number;
};

/** What a client on this machine needs to find the network. */
export type NetworkAccess = {
  /** Multiaddrs of discovery peers, as this peer was given them. */
  readonly discovery: readonly string[];
  /** Multiaddrs of this peer. */
  readonly addrs: readonly string[];
  /** The network's signed parameters, in hex. */
  readonly parameters: string;
  /** This peer's contact, in hex. */
  readonly contact: string;
};

/** `total` may grow while it goes on. */
export type OnControlProgress = (done: number, total: number) => void;

/** What a peer does for the commands beside it. */
export type PeerControl = {
  status(): Promise<PeerStatus>;
  network(): NetworkAccess;
  /**
   * Hands all files over, counted in `onProgress`, and leaves the network for good. Called off, the peer stays. It settles
   * before the peer ends, so that whoever asked hears of it.
   */
  leave(onProgress: OnControlProgress, signal: AbortSignal): Promise<void>;
  /** Reads one file, or all, and checks them against their records; `onProgress` counts bytes. */
  verify(name: string | undefined, onProgress: OnControlProgress, signal: AbortSignal): Promise<VerifyReport>;
};

export type ControlRequest =
  { readonly op: 'status' | 'network' | 'leave' } | { readonly op: 'verify'; readonly name: string | undefined };

export type ControlAnswer =
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  | { readonly type: 'result'; readonly result: unknown }
  | { readonly type: 'error'; readonly error: StoreError };

export function encodeControlRequest(request: ControlRequest): string {
  return `${JSON.stringify({ v: CONTROL_VERSION, ...request })}\n`;
}

/** @throws BadMessageError */
export function decodeControlRequest(line: string): ControlRequest {
  const message = decodeLine(line);
  const { op, name } = message;
  if (op === 'verify' && (name === undefined || typeof name === 'string')) return { op, name };
  if (op === 'status' || op === 'network' || op === 'leave') return { op };
  throw new BadMessageError(`the peer knows no operation ${JSON.stringify(op)}`);
}

export function encodeProgress(done: number, total: number): string {
  return `${JSON.stringify({ v: CONTROL_VERSION, progress: { done, total } })}\n`;
}

/** @param result of `leave` there is none */
export function encodeResult(result: object | undefined): string {
  return `${JSON.stringify({ v: CONTROL_VERSION, result: result ?? {} })}\n`;
}

export function encodeControlError(error: unknown): string {
  return `${JSON.stringify({ v: CONTROL_VERSION, error: { code: codeOf(error), message: messageOf(error) } })}\n`;
}

/** @throws BadMessageError */
export function decodeControlAnswer(line: string): ControlAnswer {
  const { progress, result, error } = decodeLine(line);
  if (isObject(progress)) return { type: 'progress', done: Number(progress.done), total: Number(progress.total) };
  if (isObject(error)) {
    return { type: 'error', error: new StoreError(String(error.code) as ErrorCode, String(error.message)) };
  }
  if (!isObject(result)) throw new BadMessageError('the peer gave an answer of an unknown kind');
  return { type: 'result', result };
}

function decodeLine(line: string): Record<string, unknown> {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch (error) {
    throw new BadMessageError('what came over the control socket is no JSON', error);
  }
  if (!isObject(message)) throw new BadMessageError('what came over the control socket is no object');
  if (message.v === CONTROL_VERSION) return message;
  const versions = `${JSON.stringify(message.v)}, and this one ${String(CONTROL_VERSION)}`;
  throw new BadMessageError(
    `the other side speaks version ${versions}; use the same version of the program for the peer and its commands`,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
