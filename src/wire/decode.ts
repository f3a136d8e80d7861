/**
 * The one door through which received bytes become messages. Whatever the generated decoder throws on bad input
 * becomes a BadMessageError here; values are checked by the caller, next to the type that they become.
 */

import { BadMessageError, FrameTooLargeError } from '../base/errors.ts';

type Decoder<T> = { decode(bytes: Uint8Array): T };

/**
 * @throws FrameTooLargeError when there are more bytes than this kind of message may have
 * @throws BadMessageError when they are not such a message
 */
export function decodeWith<T>(decoder: Decoder<T>, bytes: Uint8Array, bytesMax: number, what: string): T {
  if (bytes.length > bytesMax) {
    throw new FrameTooLargeError(`${what} of ${String(bytes.length)} bytes, where ${String(bytesMax)} are allowed`);
  }
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new BadMessageError(`${what} cannot be decoded`, cause);
  }
}

/** @throws BadMessageError naming what is wrong */
export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new BadMessageError(what);
}
