/** Content on its way in, a chunk at a time, to whoever takes it: the own copy, and the replicas that it is passed on to. */

import { StreamClosedError } from '../base/errors.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { CONTENT_IDLE_TIMEOUT_MS } from './protocol-rules.ts';

type ContentSink = { write(parts: readonly Uint8Array[]): Promise<void> };

/** Until the empty frame that ends it. One chunk is being written while the next one comes in. */
export async function receiveContent(
  stream: FrameStream,
  sinks: readonly ContentSink[],
  chunkBytes: number,
  idleTimeoutMs = CONTENT_IDLE_TIMEOUT_MS,
): Promise<void> {
  let written: Promise<unknown> = Promise.resolve();
  try {
    for (;;) {
      const parts = await stream.readFrameParts(chunkBytes, { timeoutMs: idleTimeoutMs });
      if (parts === undefined) throw new StreamClosedError('the writer went away in the middle of the content');
      await written;
      if (parts.every((part) => part.length === 0)) return;
      written = Promise.all(sinks.map((sink) => sink.write(parts)));
      // Awaited before the next one; until then a failure must not count as unhandled.
      written.catch(() => undefined);
    }
  } finally {
    await written;
  }
}
