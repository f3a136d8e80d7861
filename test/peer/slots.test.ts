import { describe, expect, it } from 'vitest';
import { Slots } from '../../src/peer/slots.ts';

describe('Slots', () => {
  it('lets so many run at once and the others in their turn', async () => {
    const slots = new Slots('tasks', 3, 10_000);
    let running = 0;
    let most = 0;
    const done: number[] = [];
    const task = async (index: number) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      done.push(index);
    };
    await Promise.all(Array.from({ length: 20 }, (_, index) => slots.run(() => task(index))));
    expect(most).toBe(3);
    expect(done).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  it('frees the place of a task that fails', async () => {
    const slots = new Slots('tasks', 1, 10_000);
    await expect(slots.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await slots.run(() => Promise.resolve('yes'))).toBe('yes');
  });

  it('refuses by name who has waited too long, and goes on with the next', async () => {
    const slots = new Slots('tasks', 1, 20);
    const blocking = Promise.withResolvers<string>();
    const first = slots.run(() => blocking.promise);
    await expect(slots.run(() => Promise.resolve('never'))).rejects.toMatchObject({ code: 'BUSY' });
    blocking.resolve('first');
    expect(await first).toBe('first');
    expect(await slots.run(() => Promise.resolve('second'))).toBe('second');
  });
});
