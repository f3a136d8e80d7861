import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NoSpaceError, NotFoundError, UnreachableError, VersionConflictError } from '../../src/base/errors.ts';
import type { Contact } from '../../src/id/contact.ts';
import { mayReplace, Pulls } from '../../src/peer/pulls.ts';
import type { Holding } from '../../src/wire/holding.ts';
import { contactOf } from '../overlay/helpers.ts';

const AT_ONCE = 6;
const AT_ONCE_BUSY = 2;
const RETRY_MS_MAX = 30_000;
const LONG_MS = 20 * RETRY_MS_MAX;
const WANTED_MAX = 50_000;

const [first, second, third] = [contactOf(1), contactOf(2), contactOf(3)];

function holding(counter: number, owner = 1): Holding {
  const version = { counter, tag: new Uint8Array(16) };
  return { version, tombstone: false, owner: Uint8Array.of(owner), shared: false, replicas: 3 };
}

type Attempt = {
  readonly from: Contact;
  readonly name: string;
  readonly counter: number;
  readonly end: PromiseWithResolvers<undefined>;
};

/** Pulls whose fetches end as the test says. */
class Bench {
  readonly attempts: Attempt[] = [];
  readonly failures: string[] = [];
  busy = false;
  readonly pulls = new Pulls({
    pull: async (from, name, { version }) => {
      const end = Promise.withResolvers<undefined>();
      this.attempts.push({ from, name, counter: version.counter, end });
      await end.promise;
    },
    isBusy: () => this.busy,
    onFailure: (name, from, { code }) => this.failures.push(`${name} ${from.peerId} ${code}`),
  });

  add(holder: Contact, name: string, counter = 1, mine?: Holding): void {
    this.pulls.add(holder, { name, holding: holding(counter) }, mine);
  }

  /** The attempt that was begun last. */
  get last(): Attempt {
    const attempt = this.attempts.at(-1);
    if (attempt === undefined) throw new Error('nothing was begun');
    return attempt;
  }

  async fail(error: Error, attempt = this.last): Promise<void> {
    attempt.end.reject(error);
    await vi.advanceTimersByTimeAsync(0);
  }

  async succeed(attempt = this.last): Promise<void> {
    attempt.end.resolve(undefined);
    await vi.advanceTimersByTimeAsync(0);
  }

  /** Lets every attempt fail, for as long as there are any. */
  async failAll(error: Error): Promise<number> {
    const before = this.attempts.length;
    for (let failed = before - 1; failed < this.attempts.length; failed++) {
      const attempt = this.attempts[failed];
      if (attempt !== undefined) await this.fail(error, attempt);
      await vi.advanceTimersByTimeAsync(RETRY_MS_MAX);
    }
    return this.attempts.length - before + 1;
  }
}

let bench: Bench;
beforeEach(() => {
  vi.useFakeTimers();
  bench = new Bench();
});
afterEach(async () => {
  for (const { end } of bench.attempts) end.resolve(undefined);
  await bench.pulls.stop();
  vi.useRealTimers();
});

describe('what is to be fetched', () => {
  it('is fetched at once, and known to lie there until it is here', async () => {
    bench.add(first, 'a', 4);
    expect(bench.last).toMatchObject({ from: first, name: 'a', counter: 4 });
    expect(bench.pulls.find('a')).toEqual({ holder: first, holding: holding(4) });
    expect([bench.pulls.underWay, bench.pulls.waiting]).toEqual([1, 0]);
    await bench.succeed();
    expect(bench.pulls.find('a')).toBeUndefined();
    expect([bench.pulls.underWay, bench.pulls.waiting]).toEqual([0, 0]);
  });

  it('is nothing that is here already, or older than that', () => {
    for (const mine of [holding(3), holding(4)]) bench.add(first, 'a', 3, mine);
    expect(bench.attempts).toEqual([]);
    expect(bench.pulls.find('a')).toBeUndefined();
  });

  it('is asked for again, of the next holder in turn, later and later', async () => {
    bench.add(first, 'a');
    bench.add(second, 'a');
    bench.add(second, 'a');
    const asked: string[] = [];
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 4; attempt++) {
      asked.push(bench.last.from.peerId);
      const count = bench.attempts.length;
      const from = Date.now();
      await bench.fail(new UnreachableError('away'));
      while (bench.attempts.length === count) await vi.advanceTimersByTimeAsync(100);
      pauses.push(Date.now() - from);
    }
    expect(asked).toEqual([first, second, first, second].map(({ peerId }) => peerId));
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(bench.failures).toHaveLength(4);
  });

  it('is given up after some attempts: the next comparison finds it again', async () => {
    bench.add(first, 'a');
    expect(await bench.failAll(new UnreachableError('away'))).toBe(6);
    expect(bench.pulls.find('a')).toBeUndefined();
    bench.add(first, 'a');
    expect(bench.pulls.find('a')?.holder).toBe(first);
  });

  it('is not asked for again of who has it no more, and is forgotten when nobody is left', async () => {
    bench.add(first, 'a');
    bench.add(second, 'a');
    await bench.fail(new NotFoundError('gone'));
    expect(bench.pulls.find('a')?.holder).toBe(second);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(bench.last.from).toBe(second);
    await bench.fail(new NotFoundError('gone'));
    expect(bench.pulls.find('a')).toBeUndefined();
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(bench.attempts).toHaveLength(2);
  });

  it('is forgotten at once where what is here stays', async () => {
    bench.add(first, 'a', 4, holding(7, 2));
    await bench.fail(new VersionConflictError('the other claim'));
    expect(bench.pulls.find('a')).toBeUndefined();
    await vi.advanceTimersByTimeAsync(LONG_MS);
    expect(bench.attempts).toHaveLength(1);
  });

  it('stays known where it lies for as long as there is no room for it here', async () => {
    bench.add(first, 'a');
    bench.add(second, 'a');
    expect(bench.attempts).toHaveLength(1);
    for (let attempt = 0; attempt < 12; attempt++) {
      await bench.fail(new NoSpaceError('full'));
      expect(bench.pulls.find('a')).toBeDefined();
      await vi.advanceTimersByTimeAsync(RETRY_MS_MAX);
      expect(bench.attempts).toHaveLength(attempt + 2);
    }
    await bench.succeed();
    expect(bench.pulls.find('a')).toBeUndefined();
  });
});

describe('a newer version', () => {
  it('takes the place of one that waits, with its own holders', async () => {
    bench.add(first, 'a', 1);
    await bench.fail(new UnreachableError('away'));
    bench.add(second, 'a', 2);
    expect(bench.last).toMatchObject({ from: second, counter: 2 });
    bench.add(third, 'a', 1);
    await bench.fail(new UnreachableError('away'));
    expect(bench.pulls.find('a')).toEqual({ holder: second, holding: holding(2) });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(bench.attempts).toHaveLength(3);
    expect(bench.last).toMatchObject({ from: second, counter: 2 });
  });

  it('is fetched after the one that is under way, however that one ends', async () => {
    for (const [name, end] of [
      ['a', () => bench.succeed()],
      ['b', () => bench.fail(new UnreachableError('away'))],
      ['c', () => bench.fail(new VersionConflictError('older'))],
    ] as const) {
      bench.add(first, name, 1);
      bench.add(second, name, 2);
      expect(bench.last).toMatchObject({ name, counter: 1 });
      expect(bench.pulls.find(name)?.holding).toEqual(holding(2));
      await end();
      await vi.advanceTimersByTimeAsync(1_000);
      expect(bench.last).toMatchObject({ name, from: second, counter: 2 });
      await bench.succeed();
      expect(bench.pulls.find(name)).toBeUndefined();
    }
  });
});

describe('many of them', () => {
  it('are fetched a few at a time, first come first served, and fewer while users are served', async () => {
    for (let index = 0; index < 20; index++) bench.add(first, `file ${String(index)}`);
    expect([bench.pulls.underWay, bench.pulls.waiting]).toEqual([AT_ONCE, 20 - AT_ONCE]);
    bench.busy = true;
    for (let done = 0; done < AT_ONCE; done++) await bench.succeed(bench.attempts[done]);
    expect(bench.pulls.underWay).toBe(AT_ONCE_BUSY);
    bench.busy = false;
    await bench.succeed(bench.attempts[AT_ONCE]);
    expect(bench.pulls.underWay).toBe(AT_ONCE);
    expect(bench.attempts.map(({ name }) => name)).toEqual(bench.attempts.map((_, index) => `file ${String(index)}`));
  });

  it('are kept in mind up to a bound, and what is known already can still become newer', () => {
    for (let index = 0; !bench.pulls.full; index++) bench.add(first, `file ${String(index)}`);
    expect(bench.pulls.underWay + bench.pulls.waiting).toBe(WANTED_MAX);
    bench.add(first, 'one more');
    expect(bench.pulls.find('one more')).toBeUndefined();
    bench.add(second, 'file 9', 2);
    expect(bench.pulls.find('file 9')?.holder).toBe(second);
  });

  it('are left when it stops, which waits for those under way', async () => {
    for (let index = 0; index < 10; index++) bench.add(first, `file ${String(index)}`);
    let stopped = false;
    const stop = bench.pulls.stop().then(() => (stopped = true));
    await bench.succeed(bench.attempts[0]);
    expect(stopped).toBe(false);
    await bench.fail(new UnreachableError('away'), bench.attempts[1]);
    for (const { end } of bench.attempts) end.resolve(undefined);
    await stop;
    await vi.advanceTimersByTimeAsync(LONG_MS);
    bench.add(first, 'late');
    expect(bench.attempts).toHaveLength(AT_ONCE);
  });
});

describe('mayReplace', () => {
  it('is false of the same owner’s older version only', () => {
    expect(mayReplace(undefined, holding(1))).toBe(true);
    expect(mayReplace(holding(1), holding(2))).toBe(true);
    expect(mayReplace(holding(2), holding(2))).toBe(false);
    expect(mayReplace(holding(2), holding(1))).toBe(false);
    expect(mayReplace(holding(2), holding(1, 2))).toBe(true);
  });
});
