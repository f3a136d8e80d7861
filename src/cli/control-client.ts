/**
 * A command's side of the control socket of a peer on this machine. Calling an operation off ends this side of the
 * connection only, so that the peer still says what became of it.
 */

import { lstat } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  BadMessageError,
  NotPermittedError,
  StreamClosedError,
  TimeoutError,
  UnreachableError,
} from '../base/errors.ts';
import { withShortPath } from '../peer/control-path.ts';
import {
  ANSWER_CHARACTERS_MAX,
  CONTROL_SOCKET,
  decodeControlAnswer,
  encodeControlRequest,
  SIGN_OF_LIFE_MS,
  type ControlRequest,
  type NetworkAccess,
  type OnControlProgress,
  type PeerStatus,
  type VerifyReport,
} from '../peer/control-protocol.ts';

/** A peer that is busy, or counts very many files, may take its time. */
const SILENCE_MS_MAX = 30_000;
/** After Ctrl-C the peer has this long to say what became of the operation. */
const LAST_WORD_TIMEOUT_MS = 4 * SIGN_OF_LIFE_MS;

export type Asking = { readonly signal: AbortSignal; readonly onProgress?: OnControlProgress };

export function askStatus(storage: string, asking: Asking): Promise<PeerStatus> {
  return ask(storage, { op: 'status' }, asking);
}

export function askNetwork(storage: string, asking: Asking): Promise<NetworkAccess> {
  return ask(storage, { op: 'network' }, asking);
}

export function askVerify(storage: string, name: string | undefined, asking: Asking): Promise<VerifyReport> {
  return ask(storage, { op: 'verify', name }, asking);
}

export async function askLeave(storage: string, asking: Asking): Promise<void> {
  await ask(storage, { op: 'leave' }, asking);
}

/**
 * One request to the peer that runs with this storage directory. What it says is taken at its word: it runs as the same
 * user as this command, or as root.
 *
 * @throws UnreachableError when no peer runs there, NotPermittedError when it is somebody else's; what the peer answers
 */
async function ask<T>(storage: string, request: ControlRequest, { signal, onProgress }: Asking): Promise<T> {
  const socket = await open(storage);
  try {
    if (signal.aborted) throw signal.reason;
    return (await conversation(socket, request, signal, onProgress)) as T;
  } finally {
    socket.destroy();
  }
}

async function open(storage: string): Promise<Socket> {
  const path = join(storage, CONTROL_SOCKET);
  const present = await lstat(path).catch(() => undefined);
  if (present?.isSocket() !== true) throw nobodyRuns(storage);
  const me = process.getuid?.();
  if (present.uid !== me && present.uid !== 0 && me !== 0) {
    throw new NotPermittedError(`the peer in ${storage} is another user's; run the command as that user`);
  }
  try {
    return await withShortPath(path, connected);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ECONNREFUSED' || code === 'ENOENT') throw nobodyRuns(storage, error);
    if (code === 'EACCES') throw new NotPermittedError(`this user may not reach the peer in ${storage}`, error);
    throw error;
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

function nobodyRuns(storage: string, cause?: unknown): UnreachableError {
  return new UnreachableError(`no peer runs with the storage directory ${storage}`, cause);
}

/** Settles with the result, or the error, that the peer sends. */
function conversation(
  socket: Socket,
  request: ControlRequest,
  signal: AbortSignal,
  onProgress: OnControlProgress | undefined,
): Promise<unknown> {
  const outcome = Promise.withResolvers<unknown>();
  let timer: NodeJS.Timeout | undefined;
  const expectWithin = (timeoutMs: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => outcome.reject(new TimeoutError('the peer does not answer')), timeoutMs);
  };
  const callOff = (): void => {
    socket.end();
    expectWithin(LAST_WORD_TIMEOUT_MS);
  };
  const take = (line: string): void => {
    const answer = decodeControlAnswer(line);
    if (answer.type === 'result') outcome.resolve(answer.result);
    else if (answer.type === 'error') outcome.reject(answer.error);
    else {
      if (!signal.aborted) expectWithin(SILENCE_MS_MAX);
      onProgress?.(answer.done, answer.total);
    }
  };
  let text = '';
  socket.setEncoding('utf8').on('data', (data: string) => {
    const lines = (text + data).split('\n');
    text = lines.pop() ?? '';
    try {
      for (const line of lines) take(line);
      if (text.length > ANSWER_CHARACTERS_MAX) throw new BadMessageError('the answer of the peer is too long');
    } catch (error) {
      outcome.reject(error);
    }
  });
  socket.once('error', (error) => outcome.reject(new StreamClosedError('the connection to the peer broke', error)));
  socket.once('end', () => outcome.reject(new StreamClosedError('the peer ended before it answered')));
  signal.addEventListener('abort', callOff, { once: true });
  expectWithin(SILENCE_MS_MAX);
  socket.write(encodeControlRequest(request));
  return outcome.promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', callOff);
  });
}
