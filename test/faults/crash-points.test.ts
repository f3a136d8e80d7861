/**
 * Kills a process that stores, overwrites and removes at every call that changes a file or makes a change durable, and
 * looks at what it left: old or new, never a mixture, and all that was acknowledged. The same with a power cut in the
 * moment of its death, which takes along whatever was not durable.
 */

import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { messageOf } from '../../src/base/errors.ts';
import { removeDirectory, temporaryDirectory } from '../e2e/harness/clean-up.ts';
import { stage, withStorage } from '../store/samples.ts';
import { scriptedFiles, systemError } from '../store/scripted-files.ts';
import { type CrashPoint, crashPoints, isHit, killAt } from './harness/crash-point.ts';
import { LoopDisk } from './harness/loop-disk.ts';
import { describeFaults } from './harness/machine.ts';
import { Script } from './harness/script.ts';
import { CHANGING_CALLS, fileThreadOf, Strace } from './harness/strace.ts';
import { carryOut, expectWhole, STEPS } from './steps.ts';

const ATTEMPTS = 6;
const RECORDINGS = 6;
/** Deaths side by side, each on a ground of its own. */
const AT_ONCE = 2;
/** Room for the floor of free space, and for the steps. */
const DISK_MIB = 192;
/** Fewer than these would mean that calls are not seen. */
const POINTS_OF_FIRST_LIFE_MIN = 105;
const POINTS_OF_RECOVERY_MIN = 45;

/** One life of the process: on which directory, and which steps it takes. */
type Life = { readonly template: string | undefined; readonly from: number; readonly to: number };

/** Where lives are led, one at a time, and what a death there takes along. */
type Ground = { readonly base: string; readonly afterDeath: () => Promise<void> };

/** A directory for one run, durable itself, with the storage directory in it. */
async function withBase<T>(ground: Ground, life: Life, use: (base: string, path: string) => Promise<T>): Promise<T> {
  const base = await mkdtemp(join(ground.base, 'life-'));
  const path = join(base, 'storage');
  try {
    if (life.template !== undefined) await cp(life.template, path, { recursive: true });
    execFileSync('sync', ['--file-system', base]);
    return await use(base, path);
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

async function start(path: string, life: Life): Promise<Script> {
  const script = new Script('stepping-process.ts', [path, String(life.from), String(life.to)], { oneThread: true });
  await script.ready();
  return script;
}

function record(ground: Ground, life: Life): Promise<CrashPoint[]> {
  return withBase(ground, life, async (base, path) => {
    const script = await start(path, life);
    const thread = await fileThreadOf(script.pid);
    const strace = await Strace.attach(script.pid, 'all', { calls: CHANGING_CALLS });
    script.go();
    expect(await script.end(), script.stderr).toEqual({ status: 0, signal: null });
    return crashPoints(await strace.end(), thread, base);
  });
}

/** The points of a run as it is when no timer goes off in it: of two that are the same. */
async function listPoints(ground: Ground, life: Life): Promise<CrashPoint[]> {
  let before: CrashPoint[] = [];
  for (let recording = 0; recording < RECORDINGS; recording++) {
    const points = await record(ground, life);
    if (isDeepStrictEqual(points, before)) return points;
    before = points;
  }
  return expect.fail(`no two of ${String(RECORDINGS)} runs were the same`);
}

/** @returns whether the run died where it should */
function dieAt(ground: Ground, life: Life, point: CrashPoint): Promise<boolean> {
  return withBase(ground, life, async (base, path) => {
    const script = await start(path, life);
    const strace = await Strace.attach(await fileThreadOf(script.pid), 'one', killAt(point, base));
    script.go();
    const { signal } = await script.end();
    const calls = await strace.end();
    await ground.afterDeath();
    await expectWhole(path, life.from + script.lines.length);
    return signal === 'SIGKILL' && isHit(point, calls, base);
  });
}

/** Dies at every point of a life; fails when one of them could not be hit, or left what it should not. */
async function dieEverywhere(grounds: readonly Ground[], life: Life, pointsMin: number, signal: AbortSignal) {
  const points = await listPoints(grounds[0] ?? expect.fail('there is no ground'), life);
  const missed: string[] = [];
  const broken: Error[] = [];
  const waiting = [...points];
  const dieOn = async (ground: Ground): Promise<void> => {
    for (let point = waiting.shift(); point !== undefined; point = waiting.shift()) {
      signal.throwIfAborted();
      const where = `${point.what} (${String(point.nth)})`;
      let hit = false;
      try {
        for (let attempt = 0; attempt < ATTEMPTS && !hit; attempt++) hit = await dieAt(ground, life, point);
        if (!hit) missed.push(where);
      } catch (cause) {
        broken.push(new Error(`died at ${where}: ${messageOf(cause)}`, { cause }));
      }
    }
  };
  await Promise.all(grounds.map(dieOn));
  console.info(`${String(points.length - missed.length)} of ${String(points.length)} points hit`);
  if (broken.length > 0) throw new AggregateError(broken, broken.map(({ message }) => message).join('\n'));
  expect(missed.join('; ')).toBe('');
  expect(points.length).toBeGreaterThanOrEqual(pointsMin);
}

/** A directory in which all steps are committed and none is carried out, and one more copy was on its way in. */
async function makeUnfinished(path: string): Promise<void> {
  const { files } = scriptedFiles({
    before: ({ operation }) => {
      if (operation === 'rename' || operation === 'unlink') throw systemError('EIO');
    },
  });
  await withStorage(
    path,
    async (storage) => {
      for (const number of STEPS.keys()) await carryOut(storage, number);
      // What could not be deleted when its writer gave it up.
      await (await stage(storage, Buffer.from('given up'))).discard();
    },
    files,
  );
}

/** The lives that are led on each ground: from nothing to the last step, and one that has to recover first. */
function diesEverywhere(grounds: readonly Ground[]): void {
  it('in its first start, a store, an overwrite and a removal', async ({ signal }) => {
    const life = { template: undefined, from: 0, to: STEPS.length };
    await dieEverywhere(grounds, life, POINTS_OF_FIRST_LIFE_MIN, signal);
  });

  it('in the recovery from an earlier death', async ({ signal }) => {
    const dir = await temporaryDirectory('unfinished');
    const template = join(dir, 'storage');
    await makeUnfinished(template);
    const life = { template, from: STEPS.length, to: STEPS.length };
    await dieEverywhere(grounds, life, POINTS_OF_RECOVERY_MIN, signal);
    await removeDirectory(dir);
  });
}

describeFaults('a process that is killed at every call', ['strace'], () => {
  const grounds: Ground[] = [];
  beforeAll(async () => {
    for (let i = 0; i < AT_ONCE; i++) {
      grounds.push({ base: await temporaryDirectory('crash'), afterDeath: () => Promise.resolve() });
    }
  });
  afterAll(() => Promise.all(grounds.map(({ base }) => removeDirectory(base))));

  diesEverywhere(grounds);
});

describeFaults('a power cut at every call', ['strace', 'root', 'loop', 'ext4', 'ioctl'], () => {
  const disks: LoopDisk[] = [];
  const grounds: Ground[] = [];
  beforeAll(async () => {
    for (let i = 0; i < AT_ONCE; i++) {
      const disk = await LoopDisk.make({ mib: DISK_MIB });
      disks.push(disk);
      const afterDeath = async (): Promise<void> => {
        await disk.cutPower();
        await disk.restart();
      };
      grounds.push({ base: disk.path, afterDeath });
    }
  });
  afterAll(() => Promise.all(disks.map((disk) => disk.close())));

  diesEverywhere(grounds);
});
