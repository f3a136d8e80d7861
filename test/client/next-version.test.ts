import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { consentFor, nextVersion, staysShared } from '../../src/client/next-version.ts';
import { compareVersions } from '../../src/id/version.ts';
import { ANNA, BERT, NETWORK_ID, tagOf } from '../wire/owners.ts';

describe('nextVersion', () => {
  const tag = fc.uint8Array({ minLength: 16, maxLength: 16 });

  it('is the first one of a name that nobody has', () => {
    expect(nextVersion(undefined, tagOf(3), false)).toEqual({ counter: 1, tag: tagOf(3) });
  });

  it('is one above whatever is there, a removal too, and the same for an operation that is repeated', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), tag, tag, fc.boolean(), (counter, before, mine, tombstone) => {
        fc.pre(Buffer.compare(before, mine) !== 0);
        const present = ANNA.sign({ version: { counter, tag: before }, tombstone });
        const next = nextVersion(present, mine, false);
        expect(next.counter).toBe(counter + 1);
        expect(compareVersions(next, present.version)).toBeGreaterThan(0);
        // The first attempt was committed, and its receipt was lost.
        expect(nextVersion(ANNA.sign({ version: next }), mine, false)).toEqual(next);
      }),
      { numRuns: 30 },
    );
  });
});

describe('staysShared', () => {
  it('keeps a shared file shared, and begins anew after a removal', () => {
    expect(staysShared(undefined)).toBe(false);
    expect(staysShared(ANNA.sign())).toBe(false);
    expect(staysShared(ANNA.sign({ shared: true }))).toBe(true);
    expect(staysShared(ANNA.sign({ shared: true, tombstone: true }))).toBe(false);
  });
});

describe('consentFor', () => {
  const nothing = new Uint8Array(0);

  it('is the record by which somebody else let go of the name', () => {
    const removed = ANNA.sign({ tombstone: true });
    expect(consentFor(BERT.key, removed.envelope, NETWORK_ID)).toEqual(removed.envelope);
    expect(consentFor(ANNA.key, removed.envelope, NETWORK_ID)).toHaveLength(0);
    expect(consentFor(ANNA.key, nothing, NETWORK_ID)).toHaveLength(0);
  });

  it('is carried on by those who write after it', () => {
    const shared = ANNA.sign({ shared: true });
    const second = BERT.writeAbove(shared, { shared: true });
    expect(consentFor(BERT.key, second.envelope, NETWORK_ID)).toEqual(shared.envelope);
    expect(consentFor(ANNA.key, second.envelope, NETWORK_ID)).toEqual(shared.envelope);
  });
});
