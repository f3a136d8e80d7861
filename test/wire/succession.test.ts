import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/base/errors.ts';
import type { SignedRecord } from '../../src/wire/record.ts';
import { checkCondition, checkCopy, checkWrite, isOpenToOthers } from '../../src/wire/succession.ts';
import { ANNA, BERT, CARL, NAME, Person, tagOf } from './owners.ts';

const COUNTER_STEP_MAX = 2 ** 20;

/** `accepted`, or the code of the refusal. */
function outcome(check: () => void): string {
  try {
    check();
    return 'accepted';
  } catch (error) {
    return codeOf(error);
  }
}

const written = (present: SignedRecord | undefined, record: SignedRecord) => outcome(() => checkWrite(present, record));
const copied = (present: SignedRecord | undefined, record: SignedRecord) => outcome(() => checkCopy(present, record));
const at = (counter: number, tag = 1) => ({ version: { counter, tag: tagOf(tag) } });

describe('a write', () => {
  it('may claim a name that nobody has', () => {
    expect(written(undefined, ANNA.sign())).toBe('accepted');
  });

  it('goes above the same owner’s version, and never below or beside it', () => {
    const present = ANNA.sign(at(5, 5));
    expect(written(present, ANNA.sign(at(6)))).toBe('accepted');
    expect(written(present, ANNA.sign(at(5, 6)))).toBe('accepted');
    for (const version of [at(5, 5), at(5, 4), at(4, 9)]) {
      expect(written(present, ANNA.sign(version))).toBe('VERSION_CONFLICT');
    }
  });

  it.each([
    ['nothing', undefined],
    ['a version', ANNA.sign(at(7))],
  ])('may not use the counters up: above %s it may skip a million and no more', (_what, present) => {
    const highest = (present?.version.counter ?? 0) + COUNTER_STEP_MAX;
    expect(written(present, ANNA.sign(at(highest)))).toBe('accepted');
    expect(written(present, ANNA.sign(at(highest + 1)))).toBe('VERSION_CONFLICT');
  });

  it('is refused to others, a removal too, with whatever consent but that of a tombstone or a shared record', () => {
    const present = ANNA.sign();
    expect(written(present, BERT.writeAbove(present))).toBe('NOT_PERMITTED');
    expect(written(present, BERT.removeAbove(present))).toBe('NOT_PERMITTED');
    const former = ANNA.sign({ shared: true });
    const since = ANNA.writeAbove(former);
    const consent = former.envelope;
    expect(written(since, BERT.sign({ ...at(9), formerOwnerConsent: consent }))).toBe('NOT_PERMITTED');
  });

  it('of a shared file is anybody’s, and keeps it shared unless it removes it', () => {
    const present = ANNA.sign({ shared: true });
    expect(written(present, BERT.writeAbove(present, { shared: true }))).toBe('accepted');
    expect(written(present, BERT.writeAbove(present, { shared: false }))).toBe('NOT_PERMITTED');
    expect(written(present, BERT.removeAbove(present))).toBe('accepted');
    expect(written(present, ANNA.writeAbove(present, { shared: false }))).toBe('accepted');
  });

  it('of a removed name is anybody’s, and then the former owner’s no more', () => {
    const removed = ANNA.removeAbove(ANNA.sign());
    const taken = BERT.writeAbove(removed);
    expect(written(removed, taken)).toBe('accepted');
    expect(written(removed, ANNA.writeAbove(removed))).toBe('accepted');
    expect(written(taken, ANNA.writeAbove(taken))).toBe('NOT_PERMITTED');
    expect(written(taken, ANNA.writeAbove(taken, { formerOwnerConsent: removed.envelope }))).toBe('NOT_PERMITTED');
  });

  it('of somebody else’s open name carries their leave, whole and of this very name', () => {
    const removed = ANNA.removeAbove(ANNA.sign());
    const take = (formerOwnerConsent: Uint8Array) => written(removed, BERT.sign({ ...at(3), formerOwnerConsent }));
    // High enough for leave to overwrite what is there.
    const after = at(2, 255);
    expect(take(ANNA.sign({ ...after, tombstone: true }).envelope)).toBe('accepted');
    expect(take(removed.envelope)).toBe('accepted');
    expect(take(new Uint8Array(0))).toBe('NOT_PERMITTED');
    expect(take(Uint8Array.of(1, 2, 3))).toBe('NOT_PERMITTED');
    expect(take(ANNA.sign({ ...after, tombstone: true, name: 'another' }).envelope)).toBe('NOT_PERMITTED');
    expect(take(ANNA.sign({ ...after, tombstone: true, networkId: new Uint8Array(32) }).envelope)).toBe(
      'NOT_PERMITTED',
    );
    expect(take(CARL.sign({ ...after, tombstone: true }).envelope)).toBe('NOT_PERMITTED');
    expect(take(ANNA.sign({ ...after, tombstone: false }).envelope)).toBe('NOT_PERMITTED');
    expect(take(ANNA.sign({ ...at(1), tombstone: true }).envelope)).toBe('NOT_PERMITTED');
  });

  it('with a consent in which any byte was changed is refused', () => {
    const removed = ANNA.removeAbove(ANNA.sign());
    for (let byte = 0; byte < removed.envelope.length; byte += 5) {
      const forged = removed.envelope.slice();
      forged[byte] = (forged[byte] ?? 0) ^ 4;
      expect(written(removed, BERT.sign({ ...at(3), formerOwnerConsent: forged })), String(byte)).toBe('NOT_PERMITTED');
    }
  });
});

describe('a condition', () => {
  const version = { counter: 4, tag: tagOf(4) };
  const present = ANNA.sign({ version });
  const removed = ANNA.sign({ version, tombstone: true });

  it.each([
    ['any', undefined, 'any', 'accepted'],
    ['any', present, 'any', 'accepted'],
    ['absent', undefined, 'absent', 'accepted'],
    ['absent', removed, 'absent', 'accepted'],
    ['absent', present, 'absent', 'VERSION_CONFLICT'],
    ['that version', present, version, 'accepted'],
    ['that version', removed, version, 'VERSION_CONFLICT'],
    ['that version', undefined, version, 'VERSION_CONFLICT'],
    ['another tag', present, { counter: 4, tag: tagOf(5) }, 'VERSION_CONFLICT'],
    ['another counter', present, { counter: 5, tag: tagOf(4) }, 'VERSION_CONFLICT'],
  ] as const)('of %s', (_title, there, condition, expected) => {
    expect(outcome(() => checkCondition(there, condition, NAME))).toBe(expected);
  });
});

describe('a copy', () => {
  it('of a higher version replaces the same owner’s, and of a lower one never', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(3),
        fc.nat(3),
        (a, b, s, t) => {
          const [present, record] = [ANNA.sign(at(a, s)), ANNA.sign(at(b, t))];
          const higher = b > a || (a === b && t > s);
          expect(copied(present, record)).toBe(higher ? 'accepted' : 'VERSION_CONFLICT');
        },
      ),
    );
  });

  it('of a removal counts as any other version', () => {
    const stored = ANNA.sign();
    const removed = ANNA.removeAbove(stored);
    expect(copied(stored, removed)).toBe('accepted');
    expect(copied(removed, stored)).toBe('VERSION_CONFLICT');
  });

  it('is taken where it follows by leave of all owners between, some of whose versions were missed here', () => {
    const first = ANNA.sign();
    const removed = ANNA.removeAbove(first);
    const second = BERT.writeAbove(removed, { shared: true });
    const third = CARL.writeAbove(second, { shared: true });
    const fourth = ANNA.writeAbove(third, { shared: true });
    const history = [first, removed, second, third, fourth];
    for (const [index, older] of history.entries()) {
      for (const newer of history.slice(index + 1)) {
        expect(copied(older, newer), `${String(index)} by ${String(newer.version.counter)}`).toBe('accepted');
        expect(copied(newer, older)).toBe('VERSION_CONFLICT');
      }
    }
  });

  it('that leaves out an owner who did not let go is no successor', async () => {
    for (const [a, b, c] of triples(await manyPeople())) {
      const second = b.writeAbove(a.removeAbove(a.sign()));
      const claimed = c.sign({ ...at(9), formerOwnerConsent: second.envelope });
      expect(copied(second, claimed)).toBe(copied(second, c.sign(at(9))));
      expect(copied(claimed, second)).toBe(copied(c.sign(at(9)), second));
    }
  });

  it('of one of two first claims stays on every peer, whichever came first and whatever their versions are', async () => {
    const people = await Promise.all(Array.from({ length: 8 }, (_, seed) => Person.make(10 + seed)));
    const winners = new Map<string, boolean>();
    const person = fc.nat(people.length - 1);
    fc.assert(
      fc.property(person, person, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (a, b, v, w) => {
        fc.pre(a !== b);
        const [one, other] = [people[a] ?? ANNA, people[b] ?? BERT];
        const [first, second] = [one.sign(at(v)), other.sign(at(w))];
        const wins = copied(second, first) === 'accepted';
        expect(copied(first, second)).toBe(wins ? 'VERSION_CONFLICT' : 'accepted');
        const pair = `${String(a)} ${String(b)}`;
        expect(winners.get(pair) ?? wins).toBe(wins);
        winners.set(pair, wins);
      }),
    );
    expect(new Set(winners.values())).toEqual(new Set([true, false]));
  });

  it('of an unlinked claim does not win by a higher version', () => {
    const first = ANNA.sign(at(1));
    const second = BERT.sign(at(1));
    const [winner, loser] = copied(first, second) === 'accepted' ? [BERT, ANNA] : [ANNA, BERT];
    expect(copied(winner.sign(at(1)), loser.sign(at(1_000)))).toBe('VERSION_CONFLICT');
    expect(copied(loser.sign(at(1_000)), winner.sign(at(1)))).toBe('accepted');
  });
});

describe('the history of a name', () => {
  it('is followed when the new owner has written more than once since the former one let go', () => {
    for (const [former, next] of [
      [ANNA, BERT],
      [BERT, ANNA],
    ] as const) {
      const first = former.sign();
      const removed = former.removeAbove(first);
      const taken = next.writeAbove(removed);
      const again = next.writeAbove(taken);
      for (const missed of [first, removed, taken]) {
        expect(copied(missed, again)).toBe('accepted');
        expect(copied(again, missed)).toBe('VERSION_CONFLICT');
      }
    }
  });

  it('does not grow: two people may overwrite a shared file by turns for as long as they like', () => {
    let present = ANNA.sign({ shared: true });
    for (let turn = 0; turn < 50; turn++) {
      const next = (turn % 2 === 0 ? BERT : ANNA).writeAbove(present, { shared: true });
      expect(written(present, next)).toBe('accepted');
      present = next;
    }
  });

  it('gives one order: of three claims there is one that stays', async () => {
    for (const [a, b, c] of triples(await manyPeople())) {
      const claim = a.sign();
      const successor = b.writeAbove(a.removeAbove(claim));
      const records = [claim, successor, c.sign()];
      const losers = records.filter((one) => records.some((other) => copied(one, other) === 'accepted'));
      expect(losers).toHaveLength(2);
    }
  });
});

function manyPeople(): Promise<Person[]> {
  return Promise.all(Array.from({ length: 5 }, (_, seed) => Person.make(20 + seed)));
}

function triples<T>(items: readonly T[]): [T, T, T][] {
  return items.flatMap((a) =>
    items.flatMap((b) => items.filter((c) => a !== b && b !== c && a !== c).map((c): [T, T, T] => [a, b, c])),
  );
}

describe('isOpenToOthers', () => {
  it('is true of shared files and of removals', () => {
    expect([
      isOpenToOthers(ANNA.sign()),
      isOpenToOthers(ANNA.sign({ shared: true })),
      isOpenToOthers(ANNA.sign({ tombstone: true })),
    ]).toEqual([false, true, true]);
  });
});
