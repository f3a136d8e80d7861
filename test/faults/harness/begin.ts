/** For the processes that Script starts: what they have in common before the first step that counts. */

import { readSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/** A line on stdout; it is on its way when this returns. */
export function say(...words: readonly (string | number)[]): void {
  writeSync(1, `${words.join(' ')}\n`);
}

/** Says that everything is loaded, and returns when it is told to begin. */
export async function untilToldToBegin(): Promise<void> {
  // Makes the thread for file system calls, which a tracer is to find.
  await stat('/');
  say('ready');
  readSync(0, Buffer.alloc(8));
}
