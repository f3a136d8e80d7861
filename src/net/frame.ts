/** What goes over a stream for a frame: four bytes of length, big-endian, then the payload, in the pieces in which it was given. */

import { Uint8ArrayList } from 'uint8arraylist';
import { assert } from '../base/assert.ts';

/** Bytes of the length in front of each frame. */
export const FRAME_HEADER_BYTES = 4;
const FRAME_BYTES_MAX = 2 ** 32 - 1;

/** A frame's content, in one piece or several. */
export type Payload = Uint8Array | readonly Uint8Array[];

export function encodeFrames(payloads: readonly Payload[]): Uint8ArrayList {
  const bytes = new Uint8ArrayList();
  for (const payload of payloads) appendFrame(bytes, payload);
  return bytes;
}

function appendFrame(bytes: Uint8ArrayList, payload: Payload): void {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  bytes.append(header);
  const start = bytes.length;
  if (payload instanceof Uint8Array) bytes.append(payload);
  else bytes.appendAll([...payload]);
  const length = bytes.length - start;
  assert(length <= FRAME_BYTES_MAX, `a frame of ${String(length)} bytes cannot be written`);
  new DataView(header.buffer).setUint32(0, length);
}
