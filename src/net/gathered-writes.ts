/**
 * Small frames that many operations send on one stream, written together: all that come in one turn of the event loop,
 * or while the write before is under way, leave as one write. Encrypting and sending is paid per write, not per frame.
 */

import type { FrameStream } from './frame-stream.ts';
import type { Wait } from './wait.ts';

export class GatheredWrites {
  readonly #stream: FrameStream;
  readonly #wait: Wait;
  #frames: Uint8Array[] = [];
  #gathering: Promise<void> | undefined;
  #underWay: Promise<void> = Promise.resolve();

  /** @param wait for each write */
  constructor(stream: FrameStream, wait: Wait) {
    this.#stream = stream;
    this.#wait = wait;
  }

  /** Settles with the write that the frame left with. Throws what `FrameStream.writeFrames` throws. */
  write(frame: Uint8Array): Promise<void> {
    this.#frames.push(frame);
    this.#gathering ??= this.#writeTogether();
    return this.#gathering;
  }

  async #writeTogether(): Promise<void> {
    await Promise.all([this.#underWay, new Promise((resolve) => setImmediate(resolve))]);
    const frames = this.#frames;
    this.#frames = [];
    this.#gathering = undefined;
    const writing = this.#stream.writeFrames(frames, this.#wait);
    // Whoever sent a frame of it gets the error; the next write fails by itself.
    this.#underWay = writing.catch(() => undefined);
    await writing;
  }
}
