/**
 * The first exchange on every connection: the dialler says hello, the other side judges it and answers with a hello of
 * its own or with a refusal. What a hello says is opaque here; the layer above makes and judges the bytes. An answer
 * starts with one byte: 0, a hello follows; 1, a refusal as UTF-8 text "CODE message" follows.
 */

import { BadMessageError, codeOf, HelloRefusedError, messageOf, NoHelloError, StoreError } from '../base/errors.ts';
import type { FrameStream } from './frame-stream.ts';
import { HELLO_BYTES_MAX } from './limits.ts';
import type { Link, RemoteIdentity } from './link.ts';
import { Deadline, type Wait } from './wait.ts';

export const HELLO_PROTOCOL = '/p2p-file-store/hello/1.0.0';

const ANSWER_HELLO = 0;
const ANSWER_REFUSAL = 1;
/** Longest refusal text that is sent or believed. */
const REFUSAL_BYTES_MAX = 1024;

/** The layer above judges hellos; this one sees to it that one is exchanged on each connection. */
export type HelloPolicy = {
  /** The bytes of our hello, or of our answer to an inbound one; at most HELLO_BYTES_MAX. */
  greeting(remotePeerId: string, direction: 'inbound' | 'outbound'): Uint8Array;
  /** Who that is. @throws HelloRefusedError, BadMessageError, or another StoreError whose code the other side will see */
  judge(remotePeerId: string, hello: Uint8Array): RemoteIdentity;
};

/** The dialler's side. @throws HelloRefusedError, NoHelloError, BadMessageError and what a FrameStream throws */
export async function sayHello(
  stream: FrameStream,
  link: Link,
  policy: HelloPolicy,
  wait: Wait,
): Promise<RemoteIdentity> {
  const deadline = new Deadline(wait);
  await stream.writeFrame(policy.greeting(link.peerId, 'outbound'), deadline.rest);
  const answer = await stream.readFrame(1 + Math.max(HELLO_BYTES_MAX, REFUSAL_BYTES_MAX), deadline.rest);
  if (answer === undefined) throw new NoHelloError('the other side did not answer our hello');
  const body = answer.subarray(1);
  if (answer[0] === ANSWER_REFUSAL) {
    throw new HelloRefusedError(`the other side refused our hello: ${new TextDecoder().decode(body)}`);
  }
  if (answer[0] !== ANSWER_HELLO) throw new BadMessageError('an answer to hello that is neither hello nor refusal');
  return policy.judge(link.peerId, body);
}

/** The listener's side: where it refuses, it throws HelloRefusedError once the refusal is on its way. @throws NoHelloError and what a FrameStream throws */
export async function answerHello(
  stream: FrameStream,
  link: Link,
  policy: HelloPolicy,
  wait: Wait,
): Promise<RemoteIdentity> {
  const deadline = new Deadline(wait);
  const hello = await stream.readFrame(HELLO_BYTES_MAX, deadline.rest);
  if (hello === undefined) throw new NoHelloError('the other side closed the hello without saying it');
  let identity: RemoteIdentity;
  try {
    identity = policy.judge(link.peerId, hello);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const text = new TextEncoder().encode(`${codeOf(error)} ${messageOf(error)}`).subarray(0, REFUSAL_BYTES_MAX);
    await stream.writeFrame([Uint8Array.of(ANSWER_REFUSAL), text], deadline.rest);
    throw error instanceof HelloRefusedError ? error : new HelloRefusedError(messageOf(error), error);
  }
  await stream.writeFrame([Uint8Array.of(ANSWER_HELLO), policy.greeting(link.peerId, 'inbound')], deadline.rest);
  return identity;
}
