/** A broken invariant of our own ends the process, wherever it shows; left to libp2p it would be swallowed. */

import { InvariantError } from '../base/assert.ts';

export function rethrowDefect(error: unknown): void {
  if (!(error instanceof InvariantError)) return;
  queueMicrotask(() => {
    throw error;
  });
}
