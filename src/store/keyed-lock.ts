/** One after the other per key, in the order of asking; different keys side by side. Keeps nothing of idle keys. */

export class KeyedLock {
  readonly #tails = new Map<string, Promise<undefined>>();

  async run<T>(key: string, action: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const { promise: done, resolve: release } = Promise.withResolvers<undefined>();
    this.#tails.set(key, done);
    if (before !== undefined) await before;
    try {
      return await action();
    } finally {
      if (this.#tails.get(key) === done) this.#tails.delete(key);
      release(undefined);
    }
  }
}
