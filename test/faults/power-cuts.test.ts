/**
 * Cuts the power of a disk on which a process stores, overwrites and removes, again and again at moments that follow from
 * a seed: everything that was acknowledged is there afterwards, and nothing is half there. That these checks notice a loss
 * is seen on a process that leaves the syncs out.
 */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomBelow, seededRandom } from '../../src/base/random.ts';
import { LoopDisk } from './harness/loop-disk.ts';
import { describeFaults } from './harness/machine.ts';
import { Script } from './harness/script.ts';
import { Story } from './story.ts';

/** Sixteen transfers set space aside in steps, above the floor of what stays free. */
const DISK_MIB = 384;
const SEED = 20_261_121;
const CUTS = 100;
const ACKNOWLEDGEMENTS_BEFORE_MAX = 150;
/** Fewer would mean that the cuts come before there is anything to lose. */
const ACKNOWLEDGEMENTS_MIN = CUTS * 30;
const CUTS_WITHOUT_SYNCS = 5;

let disk: LoopDisk;
beforeAll(async () => {
  disk = await LoopDisk.make({ mib: DISK_MIB });
});
afterAll(() => disk.close());

/** Lets a process store, cuts the power after so many acknowledgements, and gives it back. */
async function storeUntilCut(args: readonly string[], acknowledgements: number, story: Story): Promise<void> {
  let left = acknowledgements;
  const reached = Promise.withResolvers<undefined>();
  const onLine = (line: string): void => {
    if (line.startsWith('done ') && --left === 0) reached.resolve(undefined);
  };
  const script = new Script('storm-process.ts', args, { onLine });
  const [cut] = await Promise.all([disk.preparePowerCut(), script.ready()]);
  script.go();
  const ended = script.end().then(() => Promise.reject(new Error(`it ended by itself: ${script.stderr}`)));
  ended.catch(() => undefined); // Later on it ends because it is killed.
  let lastSecond: number;
  try {
    if (acknowledgements > 0) await Promise.race([reached.promise, ended]);
  } finally {
    lastSecond = await cut();
    await script.kill();
    await disk.restart();
  }
  for (const line of script.lines) story.hear(line, lastSecond);
  await disk.restart();
}

describeFaults('storing while the power fails', ['root', 'loop', 'ext4', 'ioctl'], () => {
  it(`keeps all that was acknowledged, through ${String(CUTS)} cuts`, async () => {
    const random = seededRandom(SEED);
    const path = join(disk.path, 'storage');
    const story = new Story();
    for (let cut = 0; cut < CUTS; cut++) {
      const seed = String(SEED + cut);
      await storeUntilCut([path, seed, 'synced'], randomBelow(random, ACKNOWLEDGEMENTS_BEFORE_MAX), story);
      expect(await story.complaints(path), `after cut ${String(cut)}`).toEqual([]);
    }
    console.info(`${String(story.acknowledgements)} acknowledged, ${String(CUTS)} power cuts, nothing lost`);
    expect(story.acknowledgements).toBeGreaterThan(ACKNOWLEDGEMENTS_MIN);
    await rm(path, { recursive: true });
  });

  it('is noticed to lose what was acknowledged when nothing is synced', async () => {
    let lost = 0;
    for (let cut = 0; cut < CUTS_WITHOUT_SYNCS; cut++) {
      const path = join(disk.path, `unsynced ${String(cut)}`);
      const story = new Story();
      await storeUntilCut([path, String(cut), 'unsynced'], ACKNOWLEDGEMENTS_BEFORE_MAX, story);
      if ((await story.complaints(path)).length > 0) lost++;
      await rm(path, { recursive: true, force: true });
    }
    expect(lost).toBe(CUTS_WITHOUT_SYNCS);
  });
});
