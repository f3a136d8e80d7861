/**
 * Sees to it that each connection shows one hello that is accepted, in time: says ours where we dialled, answers
 * theirs where they did, and ends connections on which that fails, with a named error in the log.
 */

import type { Stream } from '@libp2p/interface';
import {
  HelloRefusedError,
  messageOf,
  NoHelloError,
  StoreError,
  TimeoutError,
  UnexpectedMessageError,
} from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { rethrowDefect } from './defect.ts';
import { answerHello, HELLO_PROTOCOL, sayHello, type HelloPolicy } from './hello.ts';
import type { HostLimits } from './limits.ts';
import type { Link } from './link.ts';
import { Deadline, type Wait } from './wait.ts';

/** How long the side that refuses a hello waits for the other one to have read why. */
const REFUSAL_LINGER_MS = 1_000;

export class Greeter {
  readonly #policy: HelloPolicy;
  readonly #limits: HostLimits;
  readonly #log: Log;

  constructor(policy: HelloPolicy, limits: HostLimits, log: Log) {
    this.#policy = policy;
    this.#limits = limits;
    this.#log = log;
  }

  /** Starts the clock of a new connection, and says our hello if we dialled it. */
  begin(link: Link): void {
    const { helloTimeoutMs } = this.#limits;
    const tooLate = () => this.#fail(link, new NoHelloError(`no hello within ${String(helloTimeoutMs)} ms`));
    const timer = setTimeout(tooLate, helloTimeoutMs);
    link.accepted.catch(() => {}).finally(() => clearTimeout(timer));
    if (link.connection.direction === 'outbound') void this.#say(link);
  }

  /** A hello stream on a connection that was made to us. */
  async answer(link: Link, stream: Stream): Promise<void> {
    const frames = link.adopt(stream);
    if (link.greeted) {
      const error = new UnexpectedMessageError('a second hello on one connection');
      this.#report('a stream failed', link, error);
      frames.abort(error);
      return;
    }
    link.greeted = true;
    try {
      link.accept(await answerHello(frames, link, this.#policy, this.#wait(link)));
      await frames.finish({ timeoutMs: this.#limits.lingerTimeoutMs });
    } catch (error) {
      const failure = this.#fault(error);
      if (failure instanceof HelloRefusedError) {
        this.#report('a connection failed', link, failure);
        // The other side may read why, before the connection goes.
        await frames.finish({ timeoutMs: REFUSAL_LINGER_MS });
        link.fail(failure);
      } else {
        this.#fail(link, failure);
      }
    }
  }

  async #say(link: Link): Promise<void> {
    link.greeted = true;
    const limit = new Deadline(this.#wait(link)).signal('hello');
    try {
      const stream = link.adopt(await link.connection.newStream(HELLO_PROTOCOL, { signal: limit.signal }));
      link.accept(await sayHello(stream, link, this.#policy, this.#wait(link)));
      await stream.finish({ timeoutMs: this.#limits.lingerTimeoutMs });
    } catch (error) {
      this.#fail(link, this.#fault(error));
    } finally {
      limit.release();
    }
  }

  #wait(link: Link): Wait {
    return { timeoutMs: this.#limits.helloTimeoutMs, signal: link.over };
  }

  /** A hello that came too late, or broke on the way, is none. */
  #fault(error: unknown): StoreError {
    rethrowDefect(error);
    if (error instanceof StoreError && !(error instanceof TimeoutError)) return error;
    return new NoHelloError(`no hello was exchanged: ${messageOf(error)}`, error);
  }

  #fail(link: Link, error: StoreError): void {
    if (link.failure === undefined) this.#report('a connection failed', link, error);
    link.fail(error);
  }

  #report(event: string, { peerId, remoteAddr }: Link, { code, message }: StoreError): void {
    this.#log.warn(event, { code, message, protocol: HELLO_PROTOCOL, peerId, remoteAddr });
  }
}
