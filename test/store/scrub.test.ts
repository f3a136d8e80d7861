import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { safePath } from '../../src/store/safe-path.ts';
import type { Timing } from '../../src/store/pace.ts';
import type { StorageDirectory } from '../../src/store/storage-directory.ts';
import { content, inStorage, store, temporaryDirectory, withStorage } from './samples.ts';

const MIB = 1024 * 1024;

/** Time that passes only while somebody waits. */
function virtualTime(onWait: () => void = () => undefined) {
  let nowMs = 0;
  const timing: Timing = {
    now: () => nowMs,
    wait: (ms) => {
      nowMs += ms;
      onWait();
      return Promise.resolve();
    },
  };
  return { timing, elapsedMs: () => nowMs };
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `name ${String(i).padStart(3, '0')}`);

describe('a scrub', () => {
  it(
    'reads every file at its rate and reports the damaged ones',
    inStorage(async (storage, path) => {
      for (const name of names(5)) await store(storage, name, 1, content(2 * MIB));
      await storage.settle();
      await rm(join(path, 'files', safePath('name 001')));
      const damaged: string[] = [];
      const { timing, elapsedMs } = virtualTime();
      const report = await storage.scrub({
        bytesPerSecond: MIB,
        signal: new AbortController().signal,
        onDamage: async (name, version) => {
          damaged.push(name);
          await storage.quarantine(name, version);
        },
        timing,
      });
      expect(report).toEqual({ files: 5, bytes: 10 * MIB, damaged: 1, complete: true });
      expect(damaged).toEqual(['name 001']);
      expect(storage.totals.files).toBe(4);
      // Four files of 2 MiB, read at 1 MiB a second.
      expect(elapsedMs()).toBeGreaterThan(8000);
      expect(elapsedMs()).toBeLessThan(8500);
    }),
  );

  it('goes on where it was broken off, in a later process too, and begins anew after a whole pass', async () => {
    await temporaryDirectory(async (path) => {
      const all = names(200);
      await withStorage(path, async (storage) => {
        await Promise.all(all.map((name) => store(storage, name, 1, content(10))));
      });
      const scrub = (waits: number) =>
        withStorage(path, (storage) => {
          const ending = new AbortController();
          let left = waits;
          const { timing } = virtualTime(() => {
            if (left-- === 0) ending.abort();
          });
          const { signal } = ending;
          return storage.scrub({ bytesPerSecond: 16 * 1024, signal, onDamage: () => undefined, timing });
        });
      const first = await scrub(70);
      expect(first).toMatchObject({ files: 70, complete: false });
      expect(await scrub(1000)).toMatchObject({ files: 130, complete: true });
      expect(await scrub(1000)).toMatchObject({ files: 200, complete: true });
    });
  });

  it('keeps where it stands even if it is killed', async () => {
    await temporaryDirectory((path) =>
      withStorage(path, async (storage) => {
        await Promise.all(names(100).map((name) => store(storage, name, 1, content(10))));
        const { timing } = virtualTime();
        let cursor: Uint8Array | undefined;
        const settings = storage.settings;
        await storage.scrub({
          bytesPerSecond: 16 * 1024,
          signal: new AbortController().signal,
          onDamage: () => undefined,
          timing: {
            ...timing,
            wait: async (ms, signal) => {
              await timing.wait(ms, signal);
              cursor = (await settings.get('scrub.cursor')) ?? cursor;
            },
          },
        });
        // A file a second, kept once a minute.
        expect(Buffer.from(cursor ?? []).toString()).toMatch(/name 0(59|60)/);
      }),
    );
  });

  it('forgets records that cannot be read, so that they are seen to be missing, and leaves their files', async () => {
    await temporaryDirectory(async (path) => {
      const records = await withStorage(path, (storage) =>
        Promise.all(names(3).map((name) => store(storage, name, 1, content(9000)))),
      );
      const database = new ClassicLevel(join(path, 'catalog'));
      await database.put('record:name 001', 'garbage');
      await database.close();
      const held = async (storage: StorageDirectory) =>
        (await storage.heldIn(1, { from: 0, to: 0 }, { limit: 9 })).held.map(({ name }) => name).sort();
      await withStorage(path, async (storage) => {
        expect(await held(storage)).toEqual(names(3));
        const { signal } = new AbortController();
        await storage.scrub({ bytesPerSecond: MIB, signal, onDamage: () => undefined, timing: virtualTime().timing });
        expect(await held(storage)).toEqual(['name 000', 'name 002']);
        expect(storage.totals).toEqual({ files: 2, tombstones: 0, bytes: 18_000 });
      });
      await withStorage(path, async (storage) => {
        expect(storage.totals.files).toBe(2);
        const lost = records.find(({ name }) => name === 'name 001');
        expect(lost && (await storage.adopt(lost, undefined))).toBe(true);
      });
    });
  });

  it('ends when the directory is closed, while it waits', async () => {
    await temporaryDirectory(async (path) => {
      const scrubbing = await withStorage(path, async (storage) => {
        await store(storage, 'name', 1, content(MIB));
        const waiting = Promise.withResolvers<undefined>();
        const timing: Timing = {
          now: () => 0,
          wait: (_ms, signal) => {
            waiting.resolve(undefined);
            return new Promise((resolve) => {
              signal.addEventListener('abort', () => {
                resolve();
              });
            });
          },
        };
        const { signal } = new AbortController();
        const running = storage.scrub({ bytesPerSecond: 1, signal, onDamage: () => undefined, timing });
        await waiting.promise;
        return { running };
      });
      expect(await scrubbing.running).toMatchObject({ files: 0, complete: false });
    });
  });
});
