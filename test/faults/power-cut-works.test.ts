/** Whether the fault is one: a cut that loses nothing, or everything, would prove nothing about what survives it. */

import { open, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LoopDisk } from './harness/loop-disk.ts';
import { describeFaults } from './harness/machine.ts';

const DISK_MIB = 64;
const ROUNDS = 5;

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync();
  await handle.close();
}

describeFaults('a power cut', ['root', 'loop', 'ext4', 'ioctl'], () => {
  let disk: LoopDisk;
  beforeAll(async () => {
    disk = await LoopDisk.make({ mib: DISK_MIB });
  });
  afterAll(() => disk.close());

  it('loses what was written and not synced, and keeps what was', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const kept = join(disk.path, `kept ${String(round)}`);
      await writeFile(kept, 'kept');
      await sync(kept);
      await sync(disk.path);
      await writeFile(join(disk.path, 'lost'), 'lost');
      await disk.cutPower();
      await disk.restart();
      expect(await readdir(disk.path)).not.toContain('lost');
      expect(await readFile(kept, 'utf8')).toBe('kept');
    }
  });

  it('loses content whose name survives, where only the directory was synced', async () => {
    const path = join(disk.path, 'name only');
    await writeFile(path, 'lost');
    await sync(disk.path);
    await disk.cutPower();
    await disk.restart();
    expect(await readFile(path, 'utf8')).toBe('');
  });

  it('lets nothing be written, and nothing be called durable, from that moment on', async () => {
    const handle = await open(join(disk.path, 'open'), 'w');
    await disk.cutPower();
    await expect(handle.write('late').then(() => handle.sync())).rejects.toMatchObject({ code: 'EIO' });
    await handle.close();
    await disk.restart();
  });
});
