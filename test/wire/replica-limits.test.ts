import { beforeAll, describe, expect, it } from 'vitest';
import type { ContactReader } from '../../src/wire/contact.ts';
import type { WireHolding } from '../../src/wire/generated/holding.ts';
import { ReplicaAnswer as WireAnswer, ReplicaRequest as WireRequest } from '../../src/wire/generated/replica.ts';
import { decodeHolding, encodeHolding, REPLICAS_MAX, type Holding } from '../../src/wire/holding.ts';
import {
  COMPARE_RANGES_MAX,
  ENTRIES_PAGE_MAX,
  HOLDINGS_NAMES_MAX,
  REPLICA_FRAME_BYTES_MAX,
} from '../../src/wire/limits.ts';
import {
  decodeReplicaAnswer,
  decodeReplicaRecord,
  decodeReplicaRequest,
  decodeVerdict,
  encodeReplicaAnswer,
  encodeReplicaRequest,
  REPLICA_RECORD_BYTES_MAX,
  VERDICT_BYTES_MAX,
} from '../../src/wire/replica.ts';
import { makeNetwork } from './signing.ts';

let reader: ContactReader;
beforeAll(async () => {
  ({ reader } = await makeNetwork());
});

const code = (expected: string): Error => expect.objectContaining({ code: expected }) as Error;

describe('the limits of the replica protocol', () => {
  const one: WireHolding = encodeHolding({
    version: { counter: 1, tag: new Uint8Array(16) },
    tombstone: false,
    owner: new Uint8Array(36),
    shared: false,
    replicas: 3,
  });
  const many = <T>(length: number, item: T): T[] => Array.from({ length }, () => item);
  const whole = { from: 0, to: 0 };
  const wireRequest = (request: Partial<WireRequest>) => () =>
    decodeReplicaRequest(WireRequest.encode(request), reader);
  const wireAnswer = (answer: Partial<WireAnswer>) => () => decodeReplicaAnswer(WireAnswer.encode(answer));
  const compare = (length: number) => wireRequest({ compare: { replicas: 3, ranges: many(length, whole) } });
  const holdings = (length: number) =>
    wireRequest({ holdings: { names: many(length, 'n'), offered: [], leaving: false } });
  const page = (length: number) =>
    wireAnswer({ entries: { entries: many(length, { name: 'n', holding: one }), more: false } });

  it('let a list be as long as is allowed', () => {
    for (const decode of [compare(COMPARE_RANGES_MAX), holdings(HOLDINGS_NAMES_MAX), page(ENTRIES_PAGE_MAX)]) {
      expect(decode).not.toThrow();
    }
  });

  it.each<[string, () => unknown]>([
    ['no kind of request', () => decodeReplicaRequest(new Uint8Array(0), reader)],
    ['no kind of answer', () => decodeReplicaAnswer(new Uint8Array(0))],
    ['too many ranges', compare(COMPARE_RANGES_MAX + 1)],
    ['too many names', holdings(HOLDINGS_NAMES_MAX + 1)],
    ['too many entries', page(ENTRIES_PAGE_MAX + 1)],
    ['a slot beyond the ring', wireRequest({ compare: { replicas: 3, ranges: [{ from: 0, to: 0x10000 }] } })],
    ['too many replicas', wireRequest({ compare: { replicas: REPLICAS_MAX + 1, ranges: [] } })],
    [
      'an offer of fewer than it names',
      wireRequest({ holdings: { names: ['a', 'b'], offered: [one], leaving: false } }),
    ],
    [
      'an offer of nothing',
      wireRequest({ holdings: { names: ['a'], offered: [encodeHolding(undefined)], leaving: false } }),
    ],
    ['a page without a range', wireRequest({ entries: { replicas: 3, after: '' } })],
    [
      'a chain that is too long',
      wireRequest({ replicate: { name: 'n', chain: many(REPLICAS_MAX, new Uint8Array(1)) } }),
    ],
    ['a member of a chain that is none', wireRequest({ replicate: { name: 'n', chain: [new Uint8Array(9)] } })],
    [
      'digests that do not fit',
      wireAnswer({ comparison: { replicaCounts: [], counts: [1], digests: new Uint8Array(7), backFromAway: false } }),
    ],
    ['an entry without a version', wireAnswer({ entries: { entries: [{ name: 'n' }], more: false } })],
    ['a holding for no copies', wireAnswer({ holdings: { holdings: [{ ...one, replicas: 0 }] } })],
    ['a holding for too many', wireAnswer({ holdings: { holdings: [{ ...one, replicas: REPLICAS_MAX + 1 }] } })],
    ['an owner that is too long', wireAnswer({ holdings: { holdings: [{ ...one, owner: new Uint8Array(129) }] } })],
    ['a version of other length', wireAnswer({ holdings: { holdings: [{ ...one, version: new Uint8Array(23) }] } })],
    ['a version of counter 0', wireAnswer({ holdings: { holdings: [{ ...one, version: new Uint8Array(24) }] } })],
  ])('refuse %s', (_what, decode) => {
    expect(decode).toThrow(code('BAD_MESSAGE'));
  });

  it.each(['', 'a\u0000b', 'x'.repeat(1025)])('refuse a name that is none', (bad) => {
    for (const decode of [
      wireRequest({ record: { name: bad } }),
      wireRequest({ replicate: { name: bad, chain: [] } }),
      wireRequest({ holdings: { names: [bad], offered: [], leaving: false } }),
      wireAnswer({ entries: { entries: [{ name: bad, holding: one }], more: false } }),
    ]) {
      expect(decode).toThrow(code('INVALID_NAME'));
    }
  });

  it('refuse frames that are larger than any may be, before they are decoded', () => {
    const frame = new Uint8Array(REPLICA_FRAME_BYTES_MAX + 1);
    expect(() => decodeReplicaRequest(frame, reader)).toThrow(code('FRAME_TOO_LARGE'));
    expect(() => decodeReplicaAnswer(frame)).toThrow(code('FRAME_TOO_LARGE'));
    expect(() => decodeReplicaRecord(new Uint8Array(REPLICA_RECORD_BYTES_MAX + 1))).toThrow(code('FRAME_TOO_LARGE'));
    expect(() => decodeVerdict(new Uint8Array(VERDICT_BYTES_MAX + 1))).toThrow(code('FRAME_TOO_LARGE'));
  });

  it('leave room in a frame for the longest list of each kind, with names of full length', () => {
    const longest = 'x'.repeat(1024);
    const full = { ...(decodeHolding(one) as Holding), owner: new Uint8Array(128) };
    const frames = [
      encodeReplicaRequest({
        type: 'holdings',
        names: many(HOLDINGS_NAMES_MAX, longest),
        offered: many(HOLDINGS_NAMES_MAX, full),
        leaving: true,
      }),
      encodeReplicaRequest({
        type: 'compare',
        replicas: 64,
        ranges: many(COMPARE_RANGES_MAX, { from: 65535, to: 65535 }),
      }),
      encodeReplicaAnswer({
        type: 'entries',
        entries: many(ENTRIES_PAGE_MAX, { name: longest, holding: full }),
        more: true,
      }),
    ];
    for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(REPLICA_FRAME_BYTES_MAX);
  });
});
