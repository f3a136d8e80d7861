/**
 * Kills a store at each of its calls to the file system: everything stands still there, the directory is copied as it
 * lies on the disk, and the copy is opened as the next process would.
 */

import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import type { FileSystem } from '../../src/store/file-system.ts';
import { safePath } from '../../src/store/safe-path.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import type { SignedRecord } from '../../src/wire/record.ts';
import { content, loadNewest, recordOf, stage, temporaryDirectory, tombstoneOf, withStorage } from './samples.ts';
import { Stop, scriptedFiles } from './scripted-files.ts';

/** What is done to one version, and its bytes. */
type Step = {
  readonly record: SignedRecord;
  readonly does: 'store' | 'remove' | 'drop' | 'quarantine';
  readonly bytes: Uint8Array | undefined;
};
/** Two steps leave the same only where both leave nothing. */
type State = { readonly counter: number; readonly bytes: Uint8Array | undefined };

const NAME = 'Subject';
const STEPS: Step[] = [
  stored(1, 3000),
  stored(2, 70_000),
  removed(3),
  stored(4, 70_000),
  stored(5, 70_000),
  dropped(5),
  stored(6, 70_000),
  removed(7),
  dropped(7),
  stored(8, 70_000),
  dropped(8, 'quarantine'),
  stored(9, 70_000),
];

function stored(counter: number, length: number): Step {
  const bytes = content(length);
  return { does: 'store', record: recordOf(NAME, counter, bytes), bytes };
}

function removed(counter: number): Step {
  return { does: 'remove', record: tombstoneOf(NAME, counter), bytes: undefined };
}

function dropped(counter: number, does: 'drop' | 'quarantine' = 'drop'): Step {
  return { does, record: tombstoneOf(NAME, counter), bytes: undefined };
}

function stateAfter(steps: number): State {
  const step = STEPS[steps - 1];
  if (step === undefined || step.does === 'drop' || step.does === 'quarantine') return { counter: 0, bytes: undefined };
  return { counter: step.record.version.counter, bytes: step.bytes && Buffer.from(step.bytes) };
}

async function carryOut(storage: StorageDirectory, { record, does, bytes }: Step): Promise<void> {
  if (does === 'remove') await storage.commitTombstone(record);
  else if (bytes !== undefined) await storage.commit(await stage(storage, bytes), record);
  else {
    const present = await storage.record(NAME);
    expect(present?.version.counter).toBe(record.version.counter);
    const version = present?.version ?? record.version;
    expect(await (does === 'drop' ? storage.drop(NAME, version) : storage.quarantine(NAME, version))).toBe(true);
  }
}

/** Carries out all steps, noting each that is acknowledged. */
async function runSteps(path: string, files: FileSystem, settled: boolean, acknowledged: Step[]): Promise<void> {
  await withStorage(
    path,
    async (storage) => {
      for (const step of STEPS) {
        await carryOut(storage, step);
        acknowledged.push(step);
        if (settled) await storage.settle();
      }
    },
    files,
  );
}

/** What a kill leaves must be the last acknowledged step or the one under way: whole, and nothing else lying about. */
async function checkLeftOver(path: string, acknowledged: number): Promise<void> {
  await withStorage(path, async (storage) => {
    const counter = (await storage.record(NAME))?.version.counter ?? 0;
    const found = { counter, bytes: await loadNewest(storage, NAME) };
    expect([stateAfter(acknowledged), stateAfter(acknowledged + 1)]).toContainEqual(found);
    expect(storage.summarize(1, [{ from: 0, to: 0 }])[0]?.count).toBe(counter === 0 ? 0 : 1);
    expect(storage.totals.bytes).toBe(found.bytes?.length ?? 0);
    expect(await readdir(join(path, 'incoming'))).toEqual([]);
    const files = await readdir(join(path, 'files'), { recursive: true });
    expect(files.includes(safePath(NAME))).toBe(found.bytes !== undefined);
    // The next version can be stored as if nothing had happened.
    const next = content(100);
    await storage.commit(await stage(storage, next), recordOf(NAME, 99, next));
    expect(await loadNewest(storage, NAME)).toEqual(Buffer.from(next));
  });
}

async function killAt(number: number, when: 'before' | 'after', settled: boolean): Promise<boolean> {
  let reached = false;
  await temporaryDirectory(async (path) => {
    const stop = new Stop();
    const { files } = scriptedFiles({
      [when]: async (call: { number: number }) => {
        if (call.number === number) stop.stop();
        await stop.pass();
      },
    });
    const acknowledged: Step[] = [];
    const running = runSteps(join(path, 'killed'), files, settled, acknowledged);
    await Promise.race([stop.reached.then(() => (reached = true)), running]);
    if (reached) {
      const count = acknowledged.length;
      await cp(join(path, 'killed'), join(path, 'copy'), { recursive: true });
      await checkLeftOver(join(path, 'copy'), count);
    }
    stop.thaw();
    await running;
  });
  return reached;
}

describe('a store that is killed', () => {
  it.each([
    ['before', 'each file in its place before the next step', true],
    ['after', 'each file in its place before the next step', true],
    ['after', 'steps one right after the other', false],
  ] as const)(
    '%s any of its calls leaves old or new (%s)',
    async (when, _title, settled) => {
      let points = 0;
      while (await killAt(points, when, settled)) points++;
      expect(points).toBeGreaterThan(30);
    },
    60_000,
  );

  it('shows the newest at once while no file has got to its place, and finishes them all in the next process', async () => {
    await temporaryDirectory(async (path) => {
      const stop = new Stop();
      const { files } = scriptedFiles({
        before: async ({ operation }) => {
          if (operation === 'rename') stop.stop();
          await stop.pass();
        },
      });
      const storage = await StorageDirectory.open(join(path, 'killed'), { log: silentLog, files });
      const names = Array.from({ length: 20 }, (_, i) => `name ${String(i)}`);
      const bytes = await Promise.all(
        names.map(async (name) => {
          const mine = content(5000);
          // The first ones are staged before a rename comes up and stops everything.
          const staged = await stage(storage, mine);
          return { name, mine, staged, record: recordOf(name, 1, mine) };
        }),
      );
      await Promise.all(bytes.map(({ staged, record }) => storage.commit(staged, record)));
      await stop.reached;
      for (const { name, record } of bytes) expect((await storage.record(name))?.version).toEqual(record.version);
      await cp(join(path, 'killed'), join(path, 'copy'), { recursive: true });
      expect(await readdir(join(path, 'copy', 'incoming'))).toHaveLength(names.length);
      await withStorage(join(path, 'copy'), async (reopened) => {
        for (const { name, mine } of bytes) expect(await loadNewest(reopened, name)).toEqual(mine);
        expect(await readdir(join(path, 'copy', 'incoming'))).toEqual([]);
      });
      stop.thaw();
      await storage.close();
    });
  });

  it('makes each step durable before the next one counts on it', async () => {
    await temporaryDirectory(async (path) => {
      const { files, calls } = scriptedFiles({});
      await withStorage(
        path,
        async (storage) => {
          const bytes = content(3000);
          const staged = await stage(storage, bytes);
          const record = recordOf('name', 1, bytes);
          calls.push({ number: calls.length, operation: 'size', path: 'COMMIT' });
          await storage.commit(staged, record);
          await storage.settle();
        },
        files,
      );
      const first = calls.findIndex(({ operation }) => operation === 'writev');
      const trace = calls.slice(first).map(({ operation, path: target }) => {
        const place = target.startsWith(path) ? ` ${target.slice(path.length + 1).split('/')[0] ?? ''}` : '';
        return target === 'COMMIT' ? target : operation + place;
      });
      expect(trace).toEqual([
        ...['writev', 'datasync', 'close', 'syncDirectory incoming', 'COMMIT'],
        // The first file of its directory makes that, which must be durable too.
        ...['rename incoming', 'makeDirectory files', 'rename incoming', 'syncDirectory files', 'syncDirectory files'],
      ]);
    });
  });

  it('survives being killed again while it recovers', async () => {
    await temporaryDirectory(async (path) => {
      // Leave all steps committed and none carried out: the renames fail.
      const { files } = scriptedFiles({
        before: ({ operation }) => {
          if (operation === 'rename') throw Object.assign(new Error('EIO'), { code: 'EIO' });
        },
      });
      await runSteps(join(path, 'first'), files, false, []);
      const points = 40;
      let reachedPoints = 0;
      for (let number = 0; number < points; number++) {
        const copy = join(path, `copy ${String(number)}`);
        await cp(join(path, 'first'), copy, { recursive: true });
        const stop = new Stop();
        const recovering = scriptedFiles({
          after: async (call) => {
            if (call.number === number) stop.stop();
            await stop.pass();
          },
        });
        const opening = StorageDirectory.open(copy, { log: silentLog, files: recovering.files });
        const reached = await Promise.race([stop.reached.then(() => true), opening.then(() => false)]);
        if (reached) {
          reachedPoints++;
          await cp(copy, `${copy} again`, { recursive: true });
          await checkLeftOver(`${copy} again`, STEPS.length);
        }
        stop.thaw();
        await (await opening).close();
      }
      expect(reachedPoints).toBeGreaterThan(5);
    });
  });
});
