import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { NoSpaceError, StoreError } from '../../src/base/errors.ts';
import type { ContactReader } from '../../src/wire/contact.ts';
import { ReplicaAnswer as WireAnswer, ReplicaRequest as WireRequest } from '../../src/wire/generated/replica.ts';
import type { WireHolding } from '../../src/wire/generated/holding.ts';
import { decodeHolding, REPLICAS_MAX, type Holding } from '../../src/wire/holding.ts';
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
  encodeReplicaRecord,
  encodeReplicaRequest,
  encodeVerdict,
  REPLICA_RECORD_BYTES_MAX,
  VERDICT_BYTES_MAX,
  type ReplicaAnswer,
  type ReplicaRequest,
} from '../../src/wire/replica.ts';
import { makeContact, makeNetwork } from './signing.ts';

const DIGEST_BYTES = 8;

const name = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }).filter((text) => !/\p{Cc}/u.test(text));
const holding: fc.Arbitrary<Holding> = fc.record({
  version: fc.record({
    counter: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    tag: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  }),
  tombstone: fc.boolean(),
  owner: fc.uint8Array({ maxLength: 128 }),
  shared: fc.boolean(),
  replicas: fc.integer({ min: 1, max: REPLICAS_MAX }),
});
const slot = fc.nat(0xffff);
const range = fc.record({ from: slot, to: slot });
const replicas = fc.integer({ min: 0, max: REPLICAS_MAX });
const count = fc.nat(0xffff_ffff);

const requests: fc.Arbitrary<ReplicaRequest> = fc.oneof(
  fc.record({
    type: fc.constant('replicate' as const),
    name,
    sizeHint: fc.option(fc.maxSafeNat(), { nil: undefined }),
    chain: fc.constant([]),
  }),
  fc.array(fc.tuple(name, holding), { maxLength: HOLDINGS_NAMES_MAX }).chain((pairs) =>
    fc.record({
      type: fc.constant('holdings' as const),
      names: fc.constant(pairs.map(([one]) => one)),
      offered: fc.constantFrom(
        [],
        pairs.map(([, one]) => one),
      ),
      leaving: fc.boolean(),
    }),
  ),
  fc.record({ type: fc.constant('compare' as const), replicas, ranges: fc.array(range, { maxLength: 100 }) }),
  fc.record({ type: fc.constant('entries' as const), replicas, range, after: fc.oneof(name, fc.constant('')) }),
  fc.record({ type: fc.constant('record' as const), name }),
);

const answers: fc.Arbitrary<ReplicaAnswer> = fc.oneof(
  fc.record({ type: fc.constant('state' as const), nodeId: slot, error: fc.constant(undefined) }),
  fc.record({
    type: fc.constant('holdings' as const),
    holdings: fc.array(fc.option(holding, { nil: undefined }), { maxLength: HOLDINGS_NAMES_MAX }),
  }),
  fc.record({
    type: fc.constant('comparison' as const),
    backFromAway: fc.boolean(),
    replicaCounts: fc.array(replicas, { maxLength: REPLICAS_MAX }),
    summaries: fc.array(
      fc.record({ count, digest: fc.uint8Array({ minLength: DIGEST_BYTES, maxLength: DIGEST_BYTES }) }),
      { maxLength: 100 },
    ),
  }),
  fc.record({
    type: fc.constant('entries' as const),
    entries: fc.array(fc.record({ name, holding }), { maxLength: ENTRIES_PAGE_MAX }),
    more: fc.boolean(),
  }),
  fc.record({ type: fc.constant('record' as const), envelope: fc.uint8Array({ minLength: 1 }) }),
);

let reader: ContactReader;
beforeAll(async () => {
  ({ reader } = await makeNetwork());
});

const code = (expected: string): Error => expect.objectContaining({ code: expected }) as Error;

describe('the replica protocol', () => {
  it('brings every request over as it is', () => {
    fc.assert(
      fc.property(requests, (request) => {
        expect(decodeReplicaRequest(encodeReplicaRequest(request), reader)).toEqual(request);
      }),
    );
  });

  it('brings every answer over as it is', () => {
    fc.assert(
      fc.property(answers, (answer) => {
        const decoded = decodeReplicaAnswer(encodeReplicaAnswer(answer));
        expect(plain(decoded)).toEqual(plain(answer));
      }),
    );
  });

  it('brings a chain over, each member with its certificate checked', async () => {
    const network = await makeNetwork();
    const chain = await Promise.all([makeContact(network), makeContact(network)]);
    const request = { type: 'replicate', name: 'n', sizeHint: 5, chain } as const;
    expect(decodeReplicaRequest(encodeReplicaRequest(request), network.reader)).toEqual(request);
    expect(() => decodeReplicaRequest(encodeReplicaRequest(request), reader)).toThrow(code('BAD_MESSAGE'));
  });

  it('brings a failure over by its code, of the whole or of one copy', () => {
    const error = new NoSpaceError('full');
    for (const answer of [
      { type: 'failure', error },
      { type: 'state', nodeId: 7, error },
    ] as const) {
      const decoded = decodeReplicaAnswer(encodeReplicaAnswer(answer));
      expect(decoded).toMatchObject({ type: answer.type, error: { code: 'NO_SPACE', message: 'full' } });
    }
  });

  it('brings record and verdict over', () => {
    const envelope = Uint8Array.of(1, 2, 3);
    expect(decodeReplicaRecord(encodeReplicaRecord(envelope))).toEqual(envelope);
    for (const verdict of [true, false]) {
      const bytes = encodeVerdict(verdict);
      expect(bytes.length).toBeLessThanOrEqual(VERDICT_BYTES_MAX);
      expect(decodeVerdict(bytes)).toBe(verdict);
    }
  });

  it('takes no bytes at all for a word to give up, not for one to commit', () => {
    expect(decodeVerdict(new Uint8Array(0))).toBe(false);
  });

  it('answers any bytes with a message or a named error', () => {
    const decoders = [
      (bytes: Uint8Array) => decodeReplicaRequest(bytes, reader),
      decodeReplicaAnswer,
      decodeReplicaRecord,
      decodeVerdict,
    ];
    const damaged = fc.tuple(
      fc.oneof(requests.map(encodeReplicaRequest), answers.map(encodeReplicaAnswer)),
      fc.nat(),
      fc.nat(255),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      damaged.map(([sound, at, value]) =>
        Uint8Array.from(sound, (byte, i) => (i === at % sound.length ? value : byte)),
      ),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        for (const decode of decoders) {
          try {
            decode(input);
          } catch (error) {
            expect(error).toBeInstanceOf(StoreError);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});

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
      encodeReplicaRequest({ type: 'compare', replicas: 64, ranges: many(COMPARE_RANGES_MAX, { from: 9e4, to: 9e4 }) }),
      encodeReplicaAnswer({
        type: 'entries',
        entries: many(ENTRIES_PAGE_MAX, { name: longest, holding: full }),
        more: true,
      }),
    ];
    for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(REPLICA_FRAME_BYTES_MAX);
  });
});

/** Bytes compare by their content, whether they are a Buffer or not. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
