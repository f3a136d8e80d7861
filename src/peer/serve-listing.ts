/** Lists this peer's own directory, by name. */

import type { FrameStream } from '../net/frame-stream.ts';
import { encodeContact } from '../wire/contact.ts';
import { encodeFileAnswer, type FileRequest } from '../wire/file.ts';
import { CONTACTS_PER_MESSAGE_MAX } from '../wire/limits.ts';
import type { FileContext } from './file-context.ts';
import { ANSWER_TIMEOUT_MS } from './protocol-rules.ts';

type ListRequest = Extract<FileRequest, { type: 'list' }>;

/** One page. The neighbours go with it, so that a client can walk around the whole ring from any peer. */
export async function serveList(context: FileContext, stream: FrameStream, request: ListRequest): Promise<void> {
  const { records, more } = await context.storage.list({ ...request, tombstones: true });
  const neighbours = context.ring.leafSet().slice(0, CONTACTS_PER_MESSAGE_MAX).map(encodeContact);
  const envelopes = records.map(({ envelope }) => envelope);
  const answer = encodeFileAnswer({ type: 'list-page', records: envelopes, more, neighbours });
  await stream.writeFrame(answer, { timeoutMs: ANSWER_TIMEOUT_MS });
}
