/**
 * A file system for tests on which any call can be made to fail, or everything stopped at a chosen call as a killed
 * process stops: what was done before is done, what would come after does not happen.
 */

import { type FileSystem, nodeFileSystem } from '../../src/store/file-system.ts';

export type Call = { readonly number: number; readonly operation: keyof FileSystem; readonly path: string };

export type Script = {
  /** Throws what the call is to fail with. */
  readonly before?: (call: Call) => void | Promise<void>;
  readonly after?: (call: Call) => void | Promise<void>;
};

export function scriptedFiles(script: Script): { files: FileSystem; calls: Call[] } {
  const calls: Call[] = [];
  const wrapped = Object.entries(nodeFileSystem).map(([operation, run]) => [
    operation,
    async (...args: readonly unknown[]) => {
      const [target] = args;
      const call = { number: calls.length, operation: operation as keyof FileSystem, path: String(target) };
      calls.push(call);
      await script.before?.(call);
      try {
        return await (run as (...args: readonly unknown[]) => Promise<unknown>)(...args);
      } finally {
        await script.after?.(call);
      }
    },
  ]);
  return { files: Object.fromEntries(wrapped) as FileSystem, calls };
}

/** Stops all calls from a chosen moment on. */
export class Stop {
  readonly #thaw = Promise.withResolvers<undefined>();
  readonly #reached = Promise.withResolvers<undefined>();
  #stopped = false;

  /** Resolves when everything stands still. */
  readonly reached: Promise<undefined> = this.#reached.promise;

  /** Calls that come here stand still from now on. */
  stop(): void {
    this.#stopped = true;
    this.#reached.resolve(undefined);
  }

  async pass(): Promise<void> {
    if (this.#stopped) await this.#thaw.promise;
  }

  /** Lets everything go on, so that the test can clean up. */
  thaw(): void {
    this.#stopped = false;
    this.#thaw.resolve(undefined);
  }
}

/** An error as the system throws it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made up by a test`), { code });
}
