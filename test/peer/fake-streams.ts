/** Streams to peers that are functions: what is asked of a peer goes through the codecs, and through no network. */

import { StreamClosedError } from '../../src/base/errors.ts';
import type { DialTarget } from '../../src/net/dial-target.ts';
import type { StreamPool } from '../../src/net/stream-pool.ts';
import type { ContactReader } from '../../src/wire/contact.ts';
import {
  decodeReplicaRequest,
  encodeReplicaAnswer,
  type ReplicaAnswer,
  type ReplicaRequest,
} from '../../src/wire/replica.ts';

/** Answers one question. What it throws the asker sees as a stream that broke. */
export type Answer = (request: ReplicaRequest, to: DialTarget) => ReplicaAnswer | Promise<ReplicaAnswer>;

/** @param onBytes hears of the bytes of each question with its answer */
export function answeringStreams(
  reader: ContactReader,
  answer: Answer,
  onBytes: (bytes: number) => void = () => undefined,
): StreamPool {
  const lease = (target: DialTarget) => {
    let answered: Promise<Uint8Array> | undefined;
    const writeFrame = (frame: Uint8Array) => {
      answered = (async () => {
        const bytes = encodeReplicaAnswer(await answer(decodeReplicaRequest(frame, reader), target));
        onBytes(frame.length + bytes.length);
        return bytes;
      })();
      return Promise.resolve();
    };
    const stream = { writeFrame, readFrame: () => answered };
    return Promise.resolve({ stream, reused: false, release: () => undefined, discard: () => undefined });
  };
  return { lease } as unknown as StreamPool;
}

export function silence(): never {
  throw new StreamClosedError('it is silent');
}
