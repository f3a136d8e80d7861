import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NotFoundError, StoreError } from '../../src/base/errors.ts';
import {
  decodeFileAnswer,
  decodeFileRequest,
  decodeResumeFrom,
  encodeFileAnswer,
  encodeFileRequest,
  encodeResumeFrom,
  type FileAnswer,
  type FileRequest,
} from '../../src/wire/file.ts';
import { FILE_FRAME_BYTES_MAX } from '../../src/wire/limits.ts';

const version = { counter: 7, tag: new Uint8Array(16).fill(3) };
const bytes = Uint8Array.of(1, 2, 3);

const requests: FileRequest[] = [
  { type: 'put', name: 'n', sizeHint: undefined, replicas: 3, waitFor: 2, condition: 'any', uploadId: undefined },
  { type: 'put', name: 'n', sizeHint: 0, replicas: 0, waitFor: 1, condition: 'absent', uploadId: new Uint8Array(16) },
  { type: 'put', name: 'n', sizeHint: 0, replicas: 0, waitFor: 1, condition: version, uploadId: undefined },
  { type: 'get', name: 'n', version, offset: 1048576, length: 0, localOnly: true },
  { type: 'get', name: 'n', version: undefined, offset: 0, length: 5, localOnly: false },
  { type: 'stat', name: 'n', localOnly: true },
  { type: 'remove', name: 'n' },
  { type: 'list', prefix: 'p', after: 'a', limit: 5 },
  { type: 'check', name: 'n', version, chunk: 9 },
];

const answers: FileAnswer[] = [
  { type: 'put-ready', highest: undefined, record: new Uint8Array(0), kept: undefined, inDoubt: false },
  {
    type: 'put-ready',
    highest: { version, tombstone: false, owner: bytes, shared: true, replicas: 3 },
    record: bytes,
    kept: { chunks: 7, merkleRoot: new Uint8Array(32).fill(9) },
    inDoubt: true,
  },
  { type: 'resuming', chunks: 12 },
  { type: 'receipt', replicas: [{ nodeId: 5, peerId: '12D3KooWABC' }] },
  { type: 'content', record: bytes, chunkCount: 3 },
  { type: 'stat', record: bytes, replicas: [] },
  { type: 'list-page', records: [bytes], more: true, neighbours: [bytes, bytes] },
  { type: 'checked', setAside: true },
  { type: 'redirect', contact: bytes, holder: true },
];

describe('the file protocol', () => {
  it.each(requests)('brings a $type request over', (request) => {
    expect(decodeFileRequest(encodeFileRequest(request))).toEqual(request);
  });

  it.each(answers)('brings a $type answer over', (answer) => {
    expect(decodeFileAnswer(encodeFileAnswer(answer))).toEqual(answer);
  });

  it.each([0, 1, 300_000])('brings the point over at which %d chunks are gone on from', (chunks) => {
    expect(decodeResumeFrom(encodeResumeFrom(chunks))).toBe(chunks);
  });

  it('brings a failure over by its code, and nothing of it that a terminal would obey', () => {
    const sent = encodeFileAnswer({ type: 'failure', error: new NotFoundError('no\u001b[2J file') });
    const answer = decodeFileAnswer(sent);
    expect(answer).toMatchObject({ type: 'failure', error: { code: 'NOT_FOUND', message: 'no [2J file' } });
  });

  it.each(['..', '../../etc/passwd', '-rf', 'ﬁ', 'a/b'])('takes the name %j', (name) => {
    expect(decodeFileRequest(encodeFileRequest({ type: 'remove', name }))).toEqual({ type: 'remove', name });
  });

  it.each(['', 'a\u0000b', 'x'.repeat(1025)])('refuses a name that is none', (name) => {
    const sent = encodeFileRequest({ type: 'remove', name });
    expect(() => decodeFileRequest(sent)).toThrow(expect.objectContaining({ code: 'INVALID_NAME' }) as Error);
  });

  it('refuses a request that is larger than any may be', () => {
    expect(() => decodeFileRequest(new Uint8Array(FILE_FRAME_BYTES_MAX + 1))).toThrow(
      expect.objectContaining({ code: 'FRAME_TOO_LARGE' }) as Error,
    );
  });

  it('answers any bytes with a message or a named error', () => {
    const named = (decode: (input: Uint8Array) => unknown, input: Uint8Array): void => {
      try {
        decode(input);
      } catch (error) {
        expect(error).toBeInstanceOf(StoreError);
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (input) => {
        named(decodeFileRequest, input);
        named(decodeFileAnswer, input);
      }),
      { numRuns: 2000 },
    );
  });
});
