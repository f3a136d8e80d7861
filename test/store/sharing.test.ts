import { describe, expect, it } from 'vitest';
import { NoSpaceError, OutcomeUnknownError } from '../../src/base/errors.ts';
import { GroupCommit } from '../../src/store/group-commit.ts';
import { KeyedLock } from '../../src/store/keyed-lock.ts';
import { SharedSync } from '../../src/store/shared-sync.ts';
import { systemError } from './scripted-files.ts';

/** An action that ends when it is told to. */
function controlled() {
  const calls: PromiseWithResolvers<undefined>[] = [];
  const run = async (): Promise<void> => {
    const call = Promise.withResolvers<undefined>();
    calls.push(call);
    await call.promise;
  };
  return { calls, run };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

describe('a shared sync', () => {
  it('gives whoever comes during one a sync that begins after it, shared by all of them', async () => {
    const { calls, run } = controlled();
    const sync = new SharedSync(run);
    const ended: string[] = [];
    const first = sync.request().then(() => ended.push('first'));
    const later = [1, 2, 3].map((i) => sync.request().then(() => ended.push(`later ${String(i)}`)));
    expect(calls.length).toBe(1);
    calls[0]?.resolve(undefined);
    await first;
    await turns();
    expect(ended).toEqual(['first']);
    expect(calls.length).toBe(2);
    calls[1]?.resolve(undefined);
    await Promise.all(later);
    expect(calls.length).toBe(2);
  });

  it('is not tried again once it failed', async () => {
    let calls = 0;
    const sync = new SharedSync(() => {
      calls++;
      return Promise.reject(systemError('EIO'));
    });
    const results = await Promise.allSettled([sync.request(), sync.request()]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(sync.request()).rejects.toThrow(/EIO/);
    expect(calls).toBe(1);
  });

  it('is tried again when there were no descriptors for it', async () => {
    const outcomes = [systemError('EMFILE'), systemError('ENFILE'), undefined];
    const sync = new SharedSync(() => {
      const error = outcomes.shift();
      return error === undefined ? Promise.resolve() : Promise.reject(error);
    });
    await expect(sync.request()).rejects.toThrow(/EMFILE/);
    await expect(sync.request()).rejects.toThrow(/ENFILE/);
    await sync.request();
  });
});

describe('a group commit', () => {
  it('writes all that comes during one write together, each caller waiting for its own', async () => {
    const { calls, run } = controlled();
    const written: number[][] = [];
    const group = new GroupCommit<number>(async (operations) => {
      await run();
      written.push([...operations]);
    });
    const first = group.commit([1]);
    const rest = Promise.all([group.commit([2, 3]), group.commit([4])]);
    group.addLazily([5]);
    calls[0]?.resolve(undefined);
    await first;
    expect(written).toEqual([[1]]);
    await turns();
    calls[1]?.resolve(undefined);
    await rest;
    expect(written).toEqual([[1], [5, 2, 3, 4]]);
  });

  it('writes nothing more after a failure, whose outcome is unknown', async () => {
    let calls = 0;
    const group = new GroupCommit<number>(() => {
      calls++;
      return Promise.reject(systemError('ENOSPC'));
    });
    const [first, second] = await Promise.allSettled([group.commit([1]), group.commit([2])]);
    expect(first).toMatchObject({ reason: expect.any(OutcomeUnknownError) as unknown });
    expect(second).toMatchObject({ reason: expect.any(NoSpaceError) as unknown });
    group.addLazily([3]);
    await group.flush();
    expect(calls).toBe(1);
    expect(() => {
      group.check();
    }).toThrow(NoSpaceError);
  });
});

describe('a keyed lock', () => {
  it('lets one key wait and others pass, in order, and goes on after a failure', async () => {
    const lock = new KeyedLock();
    const { calls, run } = controlled();
    const ended: string[] = [];
    const failing = lock.run('a', async () => {
      await run();
      throw systemError('EIO');
    });
    const second = lock.run('a', () => Promise.resolve(ended.push('a2')));
    const third = lock.run('a', () => Promise.resolve(ended.push('a3')));
    await lock.run('b', () => Promise.resolve(ended.push('b')));
    expect(ended).toEqual(['b']);
    calls[0]?.resolve(undefined);
    await expect(failing).rejects.toThrow(/EIO/);
    await Promise.all([second, third]);
    expect(ended).toEqual(['b', 'a2', 'a3']);
  });
});
