/**
 * A disk that fails under a running peer, at one call: a store whose sync or write failed is not acknowledged, whatever
 * comes later; a read that failed ends the fetch cleanly, and the next one succeeds. A sync that failed once is not believed
 * again: the peer stores nothing more until it is restarted, and says so.
 */

import { access } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pseudoRandom } from '../e2e/harness/content.ts';
import { expectJsonFailure } from '../e2e/failing.ts';
import { fetched, type LonePeer, startLonePeer } from './harness/lone-peer.ts';
import { describeFaults } from './harness/machine.ts';
import { fileThreadOf, Strace } from './harness/strace.ts';

const MIB = 1024 * 1024;
const OLD = pseudoRandom(3 * MIB + 1, 1);
const NEW = pseudoRandom(2 * MIB + 1, 2);

let lone: LonePeer;
beforeEach(async () => {
  lone = await startLonePeer('io-errors');
  await lone.network.put('name', OLD);
  await lone.network.placeOf('name');
});
afterEach(() => lone.network.close());

/** Has one call of the peer fail while something is done. @returns what came of it */
async function whileFailing<T>(call: string, which: string, action: () => Promise<T>): Promise<T> {
  const thread = await fileThreadOf(lone.peer.pid);
  const strace = await Strace.attach(thread, 'one', { calls: [call], inject: `error=EIO${which}` });
  const outcome = await action();
  const calls = await strace.detach();
  expect(calls.length, `${call} was called`).toBeGreaterThan(0);
  return outcome;
}

function store(content = NEW) {
  return lone.network.run('store-file', ['--json', '--as', 'name', '-'], { stdin: content });
}

function fetchedNow(): Promise<Buffer> {
  return fetched(lone.network, 'name');
}

describeFaults('an I/O error', ['strace'], () => {
  it.each([
    ['in the sync of the content', 'fdatasync', ':when=1'],
    ['in writing the content', 'pwritev', ':when=1'],
    ['in making the staged file', 'openat', ':when=1'],
  ])('%s: no acknowledgement, and the next store succeeds', async (_where, call, which) => {
    const failed = await whileFailing(call, which, () => store());
    const [line] = expectJsonFailure(failed, { status: 1, code: 'STORAGE_UNUSABLE' });
    expect(line?.error.message).toMatch(/i\/o error/);
    expect(await lone.peer.staged()).toEqual([]);
    expect((await fetchedNow()).equals(OLD)).toBe(true);
    expect((await store()).status).toBe(0);
    expect((await fetchedNow()).equals(NEW)).toBe(true);
  });

  it.each([
    ['in the sync of the staging directory', 'fsync', { status: 1, code: 'STORAGE_UNUSABLE' }],
    ['in the sync of the catalog', 'fdatasync', { status: 10, code: 'OUTCOME_UNKNOWN' }],
  ])('%s: no acknowledgement, and no other one before a restart', async (_where, call, failing) => {
    const which = call === 'fdatasync' ? ':when=2' : ':when=1';
    expectJsonFailure(await whileFailing(call, which, () => store()), failing);
    // The kernel would call the next sync a success, whether or not the first one's pages are on the disk.
    expectJsonFailure(await store(), { status: 1, code: 'STORAGE_UNUSABLE' });
    expect((await fetchedNow()).equals(OLD)).toBe(true);
    await lone.peer.kill();
    await lone.peer.start();
    const after = await fetchedNow();
    expect(after.equals(OLD) || (failing.status === 10 && after.equals(NEW))).toBe(true);
    expect(await lone.peer.staged()).toEqual([]);
    expect((await store(pseudoRandom(MIB, 3))).status).toBe(0);
    expect((await fetchedNow()).equals(pseudoRandom(MIB, 3))).toBe(true);
  });

  it('in every read: the fetch fails cleanly, and succeeds when the disk is well again', async () => {
    const out = lone.network.file('copy');
    const failed = await whileFailing('pread64', '', () =>
      lone.network.run('fetch-file', ['--json', 'name', '--out', out]),
    );
    // What a peer says in the middle of content is, to the reader, a chunk that is not what it should be.
    expectJsonFailure(failed, { status: 5, code: 'CONTENT_CORRUPT' });
    await expect(access(out)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await fetchedNow()).equals(OLD)).toBe(true);
    expect((await store()).status).toBe(0);
  });

  it('in moving a file to its place: it is served from where it lies, and moved by the next start', async () => {
    const stored = await whileFailing('rename', '', async () => {
      const { status } = await store();
      const kept = await fetchedNow();
      return { status, kept };
    });
    expect(stored.status).toBe(0);
    expect(stored.kept.equals(NEW)).toBe(true);
    expect(lone.peer.logged('store.move.failed')).toBe(1);
    expect(await lone.peer.staged()).toHaveLength(1);
    await lone.peer.kill();
    await lone.peer.start();
    expect(await lone.peer.staged()).toEqual([]);
    expect((await fetchedNow()).equals(NEW)).toBe(true);
  });
});
