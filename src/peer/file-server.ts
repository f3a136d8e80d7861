/**
 * The peer's side of the file protocol. Operations follow one another on a stream. A failure that has a name is
 * answered with it; what violates the protocol is thrown on, so that the stream is closed and the log names it.
 */

import { StoreError, type ErrorCode } from '../base/errors.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { decodeFileRequest, encodeFileAnswer, type FileRequest } from '../wire/file.ts';
import { FILE_FRAME_BYTES_MAX } from '../wire/limits.ts';
import type { FileContext } from './file-context.ts';
import { ANSWER_TIMEOUT_MS, isViolation, STREAM_IDLE_TIMEOUT_MS } from './protocol-rules.ts';
import { serveCheck } from './serve-check.ts';
import { serveGet, serveStat } from './serve-get.ts';
import { serveList } from './serve-listing.ts';
import { servePut, serveRemove } from './serve-put.ts';

/** What whoever runs this peer should see: its disk fails, or is full. */
const OWN_TROUBLES = new Set<ErrorCode>(['STORAGE_UNUSABLE', 'CONTENT_CORRUPT', 'OUTCOME_UNKNOWN', 'NO_SPACE']);

/** Serves one stream until the other side closes it. */
export async function serveFiles(context: FileContext, stream: FrameStream): Promise<void> {
  for (;;) {
    const frame = await stream.readFrame(FILE_FRAME_BYTES_MAX, { timeoutMs: STREAM_IDLE_TIMEOUT_MS });
    if (frame === undefined) return;
    const request = decodeFileRequest(frame);
    try {
      await serve(context, stream, request);
    } catch (error) {
      if (!(error instanceof StoreError) || isViolation(error)) throw error;
      const level = OWN_TROUBLES.has(error.code) ? 'warn' : 'debug';
      context.log[level]('request-refused', { type: request.type, code: error.code, message: error.message });
      await stream.writeFrame(encodeFileAnswer({ type: 'failure', error }), { timeoutMs: ANSWER_TIMEOUT_MS });
      // Content may be on its way that nobody will read as such, so this stream is not used again.
      if (request.type === 'put' || request.type === 'remove' || request.type === 'get') {
        await stream.closeWrite({ timeoutMs: ANSWER_TIMEOUT_MS });
        return;
      }
    }
  }
}

function serve(context: FileContext, stream: FrameStream, request: FileRequest): Promise<void> {
  switch (request.type) {
    case 'get':
      return context.reading.run(() => serveGet(context, stream, request));
    case 'stat':
      return serveStat(context, stream, request);
    case 'put':
      return context.writing.run(() => servePut(context, stream, request));
    case 'remove':
      return serveRemove(context, stream, request);
    case 'check':
      return context.reading.run(() => serveCheck(context, stream, request));
    case 'list':
      return serveList(context, stream, request);
  }
}
