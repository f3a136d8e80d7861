import { describe, expect, it } from 'vitest';
import { forEachBounded } from '../../src/cli/bounded.ts';

const weightless = () => 0;

/** Work that ends when the test says so, and knows how much of it ran at once. */
function workshop() {
  const open: (() => void)[] = [];
  let [now, most] = [0, 0];
  return {
    most: () => most,
    finishOne: () => open.shift()?.(),
    work: async () => {
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => open.push(resolve));
      now--;
    },
  };
}

async function drain(promise: Promise<void>, finishOne: () => unknown): Promise<void> {
  let ended = false;
  const end = promise.then(
    () => (ended = true),
    () => (ended = true),
  );
  while (!ended) {
    finishOne();
    await new Promise(setImmediate);
  }
  await end;
  await promise;
}

describe('bounded work', () => {
  it('runs no more than so many at once, and all in the end', async () => {
    const { work, most, finishOne } = workshop();
    let count = 0;
    const all = forEachBounded([1, 2, 3, 4, 5, 6, 7], { itemsMax: 3, weightMax: 1 }, weightless, () => {
      count++;
      return work();
    });
    await drain(all, finishOne);
    expect([count, most()]).toEqual([7, 3]);
  });

  it('runs no more weight at once, and what is too heavy alone', async () => {
    const { work, most, finishOne } = workshop();
    const all = forEachBounded([4, 4, 4, 99, 4], { itemsMax: 9, weightMax: 8 }, (weight) => weight, work);
    await drain(all, finishOne);
    expect(most()).toBe(2);
  });

  it('takes nothing more after a failure, waits for what is under way, and throws it', async () => {
    const { work, finishOne } = workshop();
    const begun: number[] = [];
    const all = forEachBounded([1, 2, 3, 4], { itemsMax: 2, weightMax: 1 }, weightless, (item) => {
      begun.push(item);
      return item === 2 ? Promise.reject(new Error('first')) : work();
    });
    await expect(drain(all, finishOne)).rejects.toThrow('first');
    expect(begun).toEqual([1, 2]);
  });

  it('waits for what is under way when the list itself fails', async () => {
    const { work, finishOne } = workshop();
    let finished = false;
    async function* list() {
      yield 1;
      await Promise.resolve();
      throw new Error('list');
    }
    const all = forEachBounded(list(), { itemsMax: 2, weightMax: 1 }, weightless, async () => {
      await work();
      finished = true;
    });
    await expect(drain(all, finishOne)).rejects.toThrow('list');
    expect(finished).toBe(true);
  });
});
