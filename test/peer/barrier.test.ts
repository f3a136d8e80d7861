import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Barrier } from '../../src/peer/barrier.ts';

const LONGER_THAN_ANY_COMMIT_MS = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Whether a promise has been settled by what is in the queue of microtasks. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await vi.advanceTimersByTimeAsync(0);
  return settled;
}

describe('a barrier', () => {
  it('lets whoever asks pass when nothing is under way', async () => {
    expect(await isSettled(new Barrier().passed())).toBe(true);
  });

  it('holds whoever asks until what was under way at that moment has ended', async () => {
    const barrier = new Barrier();
    const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const held = barrier.hold(() => first.promise);
    const passed = barrier.passed();
    void barrier.hold(() => second.promise);
    const later = barrier.passed();
    expect(await isSettled(passed)).toBe(false);
    first.resolve('done');
    expect(await held).toBe('done');
    expect(await isSettled(passed)).toBe(true);
    expect(await isSettled(later)).toBe(false);
    second.resolve('done');
    expect(await isSettled(later)).toBe(true);
  });

  it('lets through after a failure, which is its task’s own', async () => {
    const barrier = new Barrier();
    const task = Promise.withResolvers<undefined>();
    const held = barrier.hold(() => task.promise);
    const passed = barrier.passed();
    task.reject(new Error('the disk'));
    await expect(held).rejects.toThrow('the disk');
    await expect(passed).resolves.toBeUndefined();
    expect(await isSettled(barrier.passed())).toBe(true);
  });

  it('does not hold for ever', async () => {
    const barrier = new Barrier();
    void barrier.hold(() => new Promise(() => undefined));
    const passed = expect(barrier.passed()).rejects.toMatchObject({ code: 'TIMEOUT' });
    await vi.advanceTimersByTimeAsync(LONGER_THAN_ANY_COMMIT_MS);
    await passed;
  });
});
