import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { NotFoundError, UnreachableError, VersionConflictError } from '../../src/base/errors.ts';
import type { Output } from '../../src/cli/output.ts';
import { statusOf } from '../../src/cli/exit-status.ts';
import { ConnectFailure, reportEnd, transferAll } from '../../src/cli/transfers.ts';
import { codeOf } from '../../src/base/errors.ts';

function recording() {
  const lines: string[] = [];
  const output: Output = {
    json: false,
    quiet: false,
    around: { before() {}, after() {} },
    result() {},
    data: () => Promise.resolve(),
    note() {},
    failure(error, name) {
      lines.push(`${name ?? ''}:${codeOf(error)}`);
      return statusOf(codeOf(error));
    },
  };
  return { lines, output };
}

const bounds = { itemsMax: 8, weightMax: 8 };
const files = ['a', 'b', 'c'].map((name) => ({ name }));

async function transfer(failures: Record<string, Error>, controller = new AbortController()) {
  const { lines, output } = recording();
  const done: string[] = [];
  const { signal } = controller;
  const all = transferAll(files, { output, signal, bounds, weigh: () => 1 }, ({ name }) => {
    const failure = failures[name];
    if (failure !== undefined) return Promise.reject(failure);
    done.push(name);
    return Promise.resolve();
  });
  const status = await all.catch((error: unknown) => reportEnd(error, signal, output));
  return { status, lines, done };
}

describe('transfers', () => {
  it('end with the status of the first that failed, the others go on', async () => {
    const failures = { a: new VersionConflictError('x'), b: new NotFoundError('x') };
    const { status, lines, done } = await transfer(failures);
    expect(status).toBe(8);
    expect(lines.sort()).toEqual(['a:VERSION_CONFLICT', 'b:NOT_FOUND']);
    expect(done).toEqual(['c']);
    expect((await transfer({})).status).toBe(0);
  });

  it('report once that there is no network', async () => {
    const failure = new ConnectFailure('none', { cause: new UnreachableError('x') });
    const { status, lines } = await transfer({ a: failure, b: failure, c: failure });
    expect([status, lines]).toEqual([6, [':UNREACHABLE']]);
  });

  it('do not hide a broken invariant', async () => {
    await expect(transfer({ b: new InvariantError('broken') })).rejects.toThrow('broken');
  });
});
