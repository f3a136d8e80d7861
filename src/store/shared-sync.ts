/**
 * One sync for everybody who waits: whoever asks gets a sync that began after the asking. While one runs, all who come
 * share the next. Directory syncs cost a journal commit each, and hundreds of transfers finish per second.
 *
 * A sync that failed is not tried again: the kernel may have dropped what it could not write and would report
 * success the second time. Every later request fails with the first error. Only one that was not begun, because there
 * was no descriptor for it, leaves the next one as good as before.
 */

import { isWantOfDescriptors } from './file-errors.ts';

export class SharedSync {
  readonly #sync: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  /** Resolves when everything that was done before this call is durable. */
  request(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running.then(
      () => this.#startNext(),
      () => this.#startNext(),
    );
    return this.#next;
  }

  #startNext(): Promise<void> {
    this.#next = undefined;
    return this.#start();
  }

  #start(): Promise<void> {
    const running = this.#once().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #once(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      await this.#sync();
    } catch (error) {
      if (!isWantOfDescriptors(error)) this.#failure = { error };
      throw error;
    }
  }
}
