import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { NoSpaceError, StoreError } from '../../src/base/errors.ts';
import type { ContactReader } from '../../src/wire/contact.ts';
import { decodeHolding, encodeHolding, REPLICAS_MAX, type Holding } from '../../src/wire/holding.ts';
import { ENTRIES_PAGE_MAX, HOLDINGS_NAMES_MAX } from '../../src/wire/limits.ts';
import {
  decodeReplicaAnswer,
  decodeReplicaRecord,
  decodeReplicaRequest,
  decodeVerdict,
  encodeReplicaAnswer,
  encodeReplicaRecord,
  encodeReplicaRequest,
  encodeVerdict,
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

describe('a holding', () => {
  it('comes back as it was, or as none', () => {
    fc.assert(
      fc.property(fc.option(holding, { nil: undefined }), (value) => {
        expect(plain(decodeHolding(encodeHolding(value)))).toEqual(plain(value));
      }),
    );
  });
});

/** Bytes compare by their content, whether they are a Buffer or not. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
