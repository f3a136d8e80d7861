/** The yardstick of a plain libp2p stream between two processes: see raw-end.ts for what it is made of. */

import { once } from 'node:events';
import { join } from 'node:path';
import { Child } from '../lib/child.ts';
import type { RawAnswer, RawRequest } from './raw-end.ts';

class End {
  readonly child: Child;

  constructor(role: 'sink' | 'source') {
    this.child = new Child(process.execPath, [join(import.meta.dirname, 'raw-end.ts'), role], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
  }

  send(request: RawRequest): void {
    this.child.process.send(request);
  }

  async answer(): Promise<RawAnswer> {
    const ended = this.child.ended.then((status) => {
      throw this.child.error(`ended with status ${status}`);
    });
    const [answer] = (await Promise.race([once(this.child.process, 'message'), ended])) as [RawAnswer];
    return answer;
  }

  async ask(request: RawRequest): Promise<RawAnswer> {
    this.send(request);
    return this.answer();
  }
}

/** Two processes, connected; each transfer is one new stream. */
export class Raw {
  readonly #sink = new End('sink');
  readonly #source = new End('source');

  static async start(): Promise<Raw> {
    const raw = new Raw();
    const { addr } = await raw.#sink.ask({ type: 'listen' });
    if (addr === undefined) throw new Error('the sink listens nowhere');
    await raw.#source.ask({ type: 'dial', addr });
    return raw;
  }

  /** From memory to memory, or from a file to a file. @returns milliseconds */
  async transfer(bytes: number, files?: { readonly from: string; readonly to: string }): Promise<number> {
    await this.#sink.ask({ type: 'receive', bytes, to: files?.to });
    const startedAt = performance.now();
    const received = this.#sink.answer();
    const [, elapsedMs] = await Promise.all([
      this.#source.ask({ type: 'send', bytes, from: files?.from }),
      received.then(() => performance.now() - startedAt),
    ]);
    return elapsedMs;
  }

  async destroy(): Promise<void> {
    await Promise.all([this.#sink.child.end('SIGKILL'), this.#source.child.end('SIGKILL')]);
  }
}
