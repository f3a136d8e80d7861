/** Answers about this peer's own directory: the files in it, by name, and which versions of some names it has. */

import type { FrameStream } from '../net/frame-stream.ts';
import { NotPermittedError } from '../base/errors.ts';
import type { RemoteIdentity } from '../net/link.ts';
import { encodeContact } from '../wire/contact.ts';
import { encodeFileAnswer, type FileRequest } from '../wire/file.ts';
import { CONTACTS_PER_MESSAGE_MAX } from '../wire/limits.ts';
import { ANSWER_TIMEOUT_MS, type FileContext } from './file-context.ts';

type ListRequest = Extract<FileRequest, { type: 'list' }>;
type HoldingsRequest = Extract<FileRequest, { type: 'holdings' }>;

/** One page. The neighbours go with it, so that a client can walk around the whole ring from any peer. */
export async function serveList(context: FileContext, stream: FrameStream, request: ListRequest): Promise<void> {
  const { records, more } = await context.storage.list({ ...request, tombstones: true });
  const neighbours = context.ring.leafSet().slice(0, CONTACTS_PER_MESSAGE_MAX).map(encodeContact);
  const envelopes = records.map(({ envelope }) => envelope);
  const answer = encodeFileAnswer({ type: 'list-page', records: envelopes, more, neighbours });
  await stream.writeFrame(answer, { timeoutMs: ANSWER_TIMEOUT_MS });
}

export async function serveHoldings(
  context: FileContext,
  stream: FrameStream,
  request: HoldingsRequest,
  remote: RemoteIdentity,
): Promise<void> {
  if (remote.role !== 'peer') throw new NotPermittedError('only peers may ask for holdings');
  const holdings = await Promise.all(request.names.map((name) => context.storage.record(name)));
  await stream.writeFrame(encodeFileAnswer({ type: 'holdings', holdings }), { timeoutMs: ANSWER_TIMEOUT_MS });
}
