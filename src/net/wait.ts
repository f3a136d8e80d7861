/**
 * How everything in this layer waits: with a deadline, and until a signal says stop. A `Pending` is one wait that
 * somebody else settles; whatever ends it, its timer and its listener are gone. A `Deadline` is one wait spread over
 * several steps, so that three steps together never take three times as long.
 */

import { InterruptedError, StoreError, TimeoutError } from '../base/errors.ts';

/** A bound on one wait: `timeoutMs` may be Infinity. */
export type Wait = { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined };

/** Longest timer of the platform; longer ones fire at once, so they are left out. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The error of a wait that was called off: the signal's own reason where that is one of ours. */
export function interruption(signal: AbortSignal): StoreError {
  return signal.reason instanceof StoreError ? signal.reason : new InterruptedError('interrupted', signal.reason);
}

/** One wait under way. Whoever holds it calls `resolve` or `reject`; the first settlement counts. */
export class Pending<T = void> {
  readonly promise: Promise<T>;
  #settle: { resolve: (value: T) => void; reject: (error: Error) => void } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #unlisten: (() => void) | undefined;

  /** @param what names what is waited for, in the timeout's message */
  constructor(wait: Wait, what: string) {
    this.promise = new Promise<T>((resolve, reject) => (this.#settle = { resolve, reject }));
    const { signal } = wait;
    if (signal?.aborted === true) {
      this.reject(interruption(signal));
      return;
    }
    if (wait.timeoutMs < TIMER_MS_MAX) {
      const fail = () =>
        this.reject(new TimeoutError(`${what} took longer than ${String(Math.round(wait.timeoutMs))} ms`));
      this.#timer = setTimeout(fail, Math.max(0, wait.timeoutMs));
    }
    if (signal !== undefined) {
      const stop = () => this.reject(interruption(signal));
      signal.addEventListener('abort', stop, { once: true });
      this.#unlisten = () => signal.removeEventListener('abort', stop);
    }
  }

  get settled(): boolean {
    return this.#settle === undefined;
  }

  resolve(value: T): void {
    this.#done()?.resolve(value);
  }

  reject(error: Error): void {
    this.#done()?.reject(error);
  }

  #done() {
    const settle = this.#settle;
    this.#settle = undefined;
    clearTimeout(this.#timer);
    this.#unlisten?.();
    return settle;
  }
}

/** The promise's outcome, unless the wait ends first. What the promise does later is not lost silently: it is expected. */
export function within<T>(promise: Promise<T>, wait: Wait, what: string): Promise<T> {
  const pending = new Pending<T>(wait, what);
  promise.then(
    (value) => pending.resolve(value),
    (error: unknown) => pending.reject(error instanceof Error ? error : new Error(String(error))),
  );
  return pending.promise;
}

/** One wait over several steps. */
export class Deadline {
  readonly #endsAt: number;
  readonly #wait: Wait;

  constructor(wait: Wait) {
    this.#wait = wait;
    this.#endsAt = performance.now() + wait.timeoutMs;
  }

  /** What is left of it. */
  get rest(): Wait {
    return { timeoutMs: Math.max(0, this.#endsAt - performance.now()), signal: this.#wait.signal };
  }

  /** The same as a signal, for libp2p: aborted when time is up or the wait is called off. `release` frees its timer. */
  signal(what: string): { signal: AbortSignal; release: () => void } {
    const controller = new AbortController();
    const pending = new Pending(this.rest, what);
    pending.promise.catch((error: unknown) => controller.abort(error));
    return { signal: controller.signal, release: () => pending.resolve() };
  }
}
