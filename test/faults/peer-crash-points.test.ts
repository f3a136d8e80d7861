/**
 * Kills a real peer at every call by which a store, an overwrite and a removal change its files, from the first one to the
 * last that follows the acknowledgement. What it leaves is the old state or the new one, and what the client was told
 * is true when the peer is back.
 */

import { cp, readFile, rename, rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pseudoRandom } from '../e2e/harness/content.ts';
import { until } from '../e2e/harness/until.ts';
import { loadNewest, withStorage } from '../store/samples.ts';
import { type CrashPoint, crashPoints, isHit, killAt } from './harness/crash-point.ts';
import { type LonePeer, startLonePeer } from './harness/lone-peer.ts';
import { describeFaults } from './harness/machine.ts';
import { CHANGING_CALLS, fileThreadOf, Strace } from './harness/strace.ts';

const ATTEMPTS = 4;
const OLD = pseudoRandom(1_200_000, 1);
const NEW = pseudoRandom(2_300_000, 2);
const STATUS_NOT_FOUND = 3;

/** What is done to a name while the peer dies; undefined stands for no file. */
type Change = {
  readonly name: string;
  readonly before: Buffer | undefined;
  readonly after: Buffer | undefined;
  /** Fewer points would mean that calls are not seen. */
  readonly pointsMin: number;
};

let lone: LonePeer;
let template = '';
beforeAll(async () => {
  lone = await startLonePeer('peer-crash');
  await lone.network.put('old', OLD);
  await lone.peer.stop();
  template = lone.network.file('template');
  await rename(lone.peer.storage, template);
});
afterAll(() => lone.network.close());

/** The peer as it was before any change. @returns the thread that makes its calls to the file system */
async function startAnew(): Promise<number> {
  const { peer } = lone;
  await peer.kill();
  await rm(peer.storage, { recursive: true, force: true });
  await cp(template, peer.storage, { recursive: true, filter: (path) => !path.endsWith('control.sock') });
  await peer.start();
  return fileThreadOf(peer.pid);
}

/** @returns whether it was acknowledged */
async function make({ name, after }: Change): Promise<boolean> {
  const { network } = lone;
  if (after !== undefined) {
    const { status } = await network.run('store-file', ['--as', name, '-'], { stdin: after });
    return status === 0;
  }
  const store = await network.connect();
  const outcome = await Promise.allSettled([store.remove(name)]);
  await store.close();
  return outcome[0].status === 'fulfilled';
}

/** Makes the change and ends the peer, unless it dies before that; in ending it carries out all that was acknowledged. */
async function live(change: Change): Promise<{ readonly made: Promise<boolean> }> {
  const { peer } = lone;
  const made = make(change);
  await Promise.race([made, until('the peer dies', () => !peer.running)]);
  await peer.stop();
  return { made };
}

async function listPoints(change: Change): Promise<CrashPoint[]> {
  const thread = await startAnew();
  const strace = await Strace.attach(lone.peer.pid, 'all', { calls: CHANGING_CALLS });
  const { made } = await live(change);
  expect(await made).toBe(true);
  return crashPoints(await strace.end(), thread, lone.peer.storage);
}

async function fetchedNow(name: string): Promise<Buffer | undefined> {
  const { network } = lone;
  const out = network.file('out');
  await rm(out, { force: true });
  const status = await until('the peer answers for it', async () => {
    const finished = await network.run('fetch-file', [name, '--out', out]);
    return [0, STATUS_NOT_FOUND].includes(finished.status ?? -1) && { code: finished.status };
  });
  return status.code === 0 ? readFile(out) : undefined;
}

function isOne(found: Buffer | undefined, states: readonly (Buffer | undefined)[]): boolean {
  return states.some((state) => (state === undefined || found === undefined ? state === found : state.equals(found)));
}

/** @returns whether the peer died where it should */
async function dieAt(change: Change, point: CrashPoint): Promise<boolean> {
  const { network, peer } = lone;
  const { name, before, after } = change;
  const thread = await startAnew();
  const strace = await Strace.attach(thread, 'one', killAt(point, peer.storage));
  const { made } = await live(change);
  const calls = await strace.end();
  // Before the client has a chance to try again.
  const copy = network.file('copy');
  await rm(copy, { recursive: true, force: true });
  await cp(peer.storage, copy, { recursive: true, filter: (path) => !path.endsWith('control.sock') });
  const left = await withStorage(copy, (storage) => loadNewest(storage, name));
  expect(isOne(left, [before, after]), 'what it left is old or new').toBe(true);
  await peer.start();
  const acknowledged = await made;
  expect(isOne(await fetchedNow(name), acknowledged ? [after] : [before, after]), 'what was told is true').toBe(true);
  expect(await peer.staged()).toEqual([]);
  return isHit(point, calls, peer.storage);
}

describeFaults('a peer that is killed at every call', ['strace'], () => {
  it.each<[string, Change]>([
    ['a store', { name: 'new', before: undefined, after: NEW, pointsMin: 12 }],
    ['an overwrite', { name: 'old', before: OLD, after: NEW, pointsMin: 10 }],
    ['a removal', { name: 'old', before: OLD, after: undefined, pointsMin: 5 }],
  ])('of %s leaves old or new, and told the truth', async (title, change) => {
    const points = await listPoints(change);
    const missed: string[] = [];
    for (const point of points) {
      const where = `${point.what} (${String(point.nth)})`;
      let hit = false;
      for (let attempt = 0; attempt < ATTEMPTS && !hit; attempt++) {
        hit = await dieAt(change, point).catch((cause: unknown) => {
          throw new Error(`died at ${where}`, { cause });
        });
      }
      if (!hit) missed.push(where);
    }
    console.info(`${title}: ${String(points.length - missed.length)} of ${String(points.length)} points hit`);
    expect(missed.join('; ')).toBe('');
    expect(points.length).toBeGreaterThanOrEqual(change.pointsMin);
  });
});
