import { beforeEach, describe, expect, it } from 'vitest';
import type { Contact } from '../../src/id/contact.ts';
import { IdSpace } from '../../src/id/id-space.ts';
import { compareVersions } from '../../src/id/version.ts';
import type { FileContext } from '../../src/peer/file-context.ts';
import type { Found, InquiryResult } from '../../src/peer/leaf-set-inquiry.ts';
import { holdingOf, newestByMajority, newestForReading, newestOf } from '../../src/peer/newest.ts';
import type { Holding } from '../../src/wire/holding.ts';
import type { SignedRecord } from '../../src/wire/record.ts';
import { contactOf } from '../overlay/helpers.ts';
import { ANNA, NAME, tagOf } from '../wire/owners.ts';

const self = contactOf(1);
const [first, second] = [contactOf(2), contactOf(3)];
const K = 3;
const NOT_READY = { code: 'NOT_READY' };

/** A peer that has this, is about to fetch that, and whose neighbours have what they have. */
class Situation {
  record: SignedRecord | undefined;
  pointer: Found | undefined;
  unsureOf: Contact[] = [];
  leafSet: Contact[] = [first, second];
  members: Contact[] = [self, first, second];
  /** By their rank among those who should hold the name. */
  absent: { readonly peer: Contact; readonly rank: number }[] = [];
  readonly neighbours = new Map<string, Holding | 'silent'>();

  get context(): FileContext {
    const askOne = (_name: string, { peerId }: Contact) => Promise.resolve(this.neighbours.get(peerId));
    return {
      idSpace: new IdSpace(16),
      parameters: { replicas: K },
      ring: { self, leafSet: () => this.leafSet },
      placement: {
        absent: (_key: unknown, k: number) => this.absent.filter(({ rank }) => rank < k).map(({ peer }) => peer),
        nearest: () => this.members,
      },
      storage: { record: () => Promise.resolve(this.record) },
      repair: { unsureOf: () => this.unsureOf, find: () => this.pointer },
      inquiry: { askOne, ask: (_name: string, asked: readonly Contact[]) => Promise.resolve(this.#answers(asked)) },
    } as unknown as FileContext;
  }

  #answers(asked: readonly Contact[]): InquiryResult {
    let highest: Found | undefined;
    const silent: Contact[] = [];
    for (const holder of asked) {
      const holding = this.neighbours.get(holder.peerId);
      if (holding === 'silent') silent.push(holder);
      else if (holding !== undefined && compareVersions(holding.version, highest?.holding.version ?? at(0)) > 0) {
        highest = { holder, holding };
      }
    }
    return { highest, silent };
  }
}

const at = (counter: number) => ({ counter, tag: tagOf(1) });
const version = (counter: number) => ANNA.sign({ version: at(counter) });

let situation: Situation;
beforeEach(() => {
  situation = new Situation();
});

describe('the newest version of a name', () => {
  it('is what lies here, when nobody else is to be asked', async () => {
    situation.record = version(2);
    situation.neighbours.set(first.peerId, version(3));
    expect(await newestOf(situation.context, NAME)).toEqual({ where: 'here', record: situation.record });
  });

  it('is what a neighbour has of which this peer is unsure, when that is higher', async () => {
    situation.unsureOf = [first, second];
    situation.neighbours.set(first.peerId, version(3));
    situation.neighbours.set(second.peerId, version(4));
    for (const [mine, expected] of [
      [undefined, 4],
      [version(2), 4],
      [version(5), 5],
    ] as const) {
      situation.record = mine;
      const newest = await newestOf(situation.context, NAME);
      expect(holdingOf(newest)?.version.counter).toBe(expected);
      expect(newest.where).toBe(expected === 5 ? 'here' : 'elsewhere');
    }
  });

  it('is what is about to be fetched, when that is higher', async () => {
    situation.record = version(2);
    situation.pointer = { holder: second, holding: version(6) };
    expect(await newestOf(situation.context, NAME)).toMatchObject({ where: 'elsewhere', name: NAME, holder: second });
  });

  it('cannot be told while one of them is silent, unless it is gone', async () => {
    situation.record = version(2);
    situation.unsureOf = [first];
    situation.neighbours.set(first.peerId, 'silent');
    await expect(newestOf(situation.context, NAME)).rejects.toMatchObject(NOT_READY);
    situation.leafSet = [second];
    expect(await newestOf(situation.context, NAME)).toMatchObject({ where: 'here' });
  });
});

describe('that there is no such file', () => {
  it('is said when enough of those are here who would have it', async () => {
    for (const absent of [[], [{ peer: first, rank: 1 }]]) {
      situation.absent = absent;
      expect(await newestForReading(situation.context, NAME)).toEqual({ where: 'nowhere' });
    }
    for (const absent of [
      [
        { peer: first, rank: 1 },
        { peer: second, rank: 2 },
      ],
      // It may be a file of one copy.
      [{ peer: first, rank: 0 }],
    ]) {
      situation.absent = absent;
      await expect(newestForReading(situation.context, NAME)).rejects.toMatchObject(NOT_READY);
    }
    situation.record = version(1);
    expect(await newestForReading(situation.context, NAME)).toMatchObject({ where: 'here' });
  });
});

describe('a reader whose root is in doubt', () => {
  it('gets the highest version of a majority, and an answer as soon as there is one', async () => {
    situation.record = version(1);
    situation.neighbours.set(first.peerId, version(4));
    situation.neighbours.set(second.peerId, 'silent');
    expect(holdingOf(await newestByMajority(situation.context, NAME))?.version.counter).toBe(4);
  });

  it('gets none when too few answer', async () => {
    situation.record = version(1);
    situation.neighbours.set(first.peerId, 'silent');
    situation.neighbours.set(second.peerId, 'silent');
    await expect(newestByMajority(situation.context, NAME)).rejects.toMatchObject(NOT_READY);
  });

  it('gets none from a peer that has itself still to compare', async () => {
    situation.record = version(1);
    situation.unsureOf = [second];
    await expect(newestByMajority(situation.context, NAME)).rejects.toMatchObject(NOT_READY);
  });
});
