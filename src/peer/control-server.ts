/**
 * The peer's side of its control socket. The socket is made in a directory that only this user can enter, narrowed, and
 * then renamed to its place: at no moment can anybody else connect, and what a dead process left there is replaced.
 * That it is dead follows from the storage directory's lock, which this process holds. Where no socket can be made
 * the peer runs without one, and says so.
 */

import { once } from 'node:events';
import { chmod, lstat, mkdir, rename, rm, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { BadMessageError, codeOf, InterruptedError, messageOf, StoreError, StreamClosedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { within } from '../net/wait.ts';
import { withShortPath } from './control-path.ts';
import {
  CONTROL_SOCKET,
  decodeControlRequest,
  encodeControlError,
  encodeProgress,
  encodeResult,
  REQUEST_CHARACTERS_MAX,
  SIGN_OF_LIFE_MS,
  type ControlRequest,
  type PeerControl,
} from './control-protocol.ts';

/** A command sends its request at once. */
const REQUEST_TIMEOUT_MS = 5_000;
const CONNECTIONS_MAX = 32;
const PROGRESS_GAP_MS = 100;
/** What is being answered when the peer stops has this long to be written. */
const LAST_ANSWERS_TIMEOUT_MS = 1_000;
const DRAFT_DIRECTORY = 'control.draft';
const DRAFT_SOCKET = 's';

export type ControlServerOptions = {
  /** The storage directory. This process has its lock. */
  readonly storage: string;
  readonly control: PeerControl;
  readonly log: Log;
};

export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #answers = new Set<Promise<void>>();
  readonly #over = new AbortController();
  #bound = false;

  private constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Serves, or warns that it cannot. */
  static async start(options: ControlServerOptions): Promise<ControlServer> {
    const server = new ControlServer(options);
    try {
      await server.#bind();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const message = `${messageOf(error)}. Commands such as "p2p-peer status" cannot reach this peer.`;
      options.log.warn('no-control-socket', { message });
      server.#server.close();
    }
    return server;
  }

  /** Calls off what is under way, lets the last answers out, and removes the socket. */
  async close(): Promise<void> {
    this.#over.abort(new InterruptedError('the peer is stopping'));
    if (this.#bound) {
      this.#server.close();
      await unlink(join(this.#options.storage, CONTROL_SOCKET)).catch(() => undefined);
    }
    const wait = { timeoutMs: LAST_ANSWERS_TIMEOUT_MS };
    await within(Promise.all(this.#answers), wait, 'the last answers').catch(() => undefined);
    for (const socket of this.#sockets) socket.destroy();
  }

  async #bind(): Promise<void> {
    const { storage } = this.#options;
    const draft = join(storage, DRAFT_DIRECTORY);
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    try {
      const path = join(draft, DRAFT_SOCKET);
      await withShortPath(path, async (short) => {
        this.#server.listen(short);
        await once(this.#server, 'listening');
      });
      await chmod(path, 0o600);
      const place = join(storage, CONTROL_SOCKET);
      const present = await lstat(place).catch(() => undefined);
      if (present?.isSocket() === false) throw new StoreError('FAILED', `${place} is in the way, and is no socket`);
      await rename(path, place);
      this.#bound = true;
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', (error) => this.#options.log.debug('control-connection', { message: error.message }));
    const answer = this.#answer(socket).finally(() => this.#answers.delete(answer));
    this.#answers.add(answer);
  }

  async #answer(socket: Socket): Promise<void> {
    const over = new AbortController();
    const stop = (): void => over.abort(new InterruptedError('called off'));
    socket.once('end', stop).once('close', stop);
    let last: string;
    try {
      const request = decodeControlRequest(await readLine(socket));
      const signal = AbortSignal.any([over.signal, this.#over.signal]);
      last = encodeResult(await this.#carryOut(request, socket, signal));
    } catch (error) {
      const fields = { code: codeOf(error), message: messageOf(error) };
      // A defect of one operation must not end the peer, which serves others; but it must be seen.
      if (error instanceof StoreError) this.#options.log.debug('control-refused', fields);
      else this.#options.log.error('control-failed', fields);
      last = encodeControlError(error);
    }
    if (socket.destroyed) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.end(last, () => resolve());
    });
    socket.destroySoon();
  }

  async #carryOut(request: ControlRequest, socket: Socket, signal: AbortSignal): Promise<object | undefined> {
    const { control } = this.#options;
    if (request.op === 'status') return control.status();
    if (request.op === 'network') return control.network();
    const progress = new ProgressLines(socket);
    try {
      if (request.op === 'verify') return await control.verify(request.name, progress.note, signal);
      await control.leave(progress.note, signal);
      return undefined;
    } finally {
      progress.stop();
    }
  }
}

/** Tells how far it is, not too often and not too rarely, and only to a reader that keeps up. */
class ProgressLines {
  readonly #socket: Socket;
  readonly #signOfLife: NodeJS.Timeout;
  #done = 0;
  #total = 0;
  #toldAt = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#signOfLife = setInterval(() => this.#tell(), SIGN_OF_LIFE_MS);
  }

  readonly note = (done: number, total: number): void => {
    this.#done = done;
    this.#total = total;
    if (performance.now() - this.#toldAt >= PROGRESS_GAP_MS || done === total) this.#tell();
  };

  stop(): void {
    clearInterval(this.#signOfLife);
  }

  #tell(): void {
    if (this.#socket.writableNeedDrain || !this.#socket.writable) return;
    this.#toldAt = performance.now();
    this.#socket.write(encodeProgress(this.#done, this.#total));
  }
}

/** The first line that comes. What comes after it, but the end, has no meaning and is dropped. */
function readLine(socket: Socket): Promise<string> {
  const line = new Promise<string>((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (data: string) => {
      if (text.length > REQUEST_CHARACTERS_MAX) return;
      text += data;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
      else if (text.length > REQUEST_CHARACTERS_MAX) reject(new BadMessageError('the request is too long'));
    });
    socket.once('close', () => reject(new StreamClosedError('the request did not come')));
    socket.once('end', () => reject(new StreamClosedError('the request did not come')));
  });
  return within(line, { timeoutMs: REQUEST_TIMEOUT_MS }, 'the request');
}
