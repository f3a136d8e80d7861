/**
 * A disk that has no room, no inodes, or cannot be written any more, under a real peer: what cannot be kept is refused with
 * words and the right status, everything old is served on, and with the room the storing comes back.
 */

import { execFile } from 'node:child_process';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { removeDirectory, temporaryDirectory } from '../e2e/harness/clean-up.ts';
import { pseudoRandom } from '../e2e/harness/content.ts';
import type { Network } from '../e2e/harness/network.ts';
import { expectJsonFailure } from '../e2e/failing.ts';
import { LoopDisk } from './harness/loop-disk.ts';
import { fetched, startLonePeer } from './harness/lone-peer.ts';
import { describeFaults } from './harness/machine.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const DISK_MIB = 128;
const OLD = pseudoRandom(3 * MIB + 1, 1);
const INODES = 64;

async function expectOldServed(network: Network): Promise<void> {
  expect((await fetched(network, 'old')).equals(OLD)).toBe(true);
}

function store(network: Network, name: string, bytes: number) {
  return network.run('store-file', ['--json', '--as', name, '-'], { stdin: pseudoRandom(bytes, bytes) });
}

describeFaults('a disk without room', ['root'], () => {
  it('refuses a store with status 7, serves what is old, and takes the store when there is room', async () => {
    const dir = await temporaryDirectory('tmpfs');
    const mount = join(dir, 'disk');
    await mkdir(mount);
    await run('mount', ['-t', 'tmpfs', '-o', `size=${String(DISK_MIB)}m`, 'tmpfs', mount]);
    const { network, peer } = await startLonePeer('full', { storage: join(mount, 'peer') });
    try {
      await network.put('old', OLD);
      // Full to the last byte, far below the floor that the peer itself keeps free.
      const { bavail, bsize } = await statfs(mount);
      await writeFile(join(mount, 'filler'), Buffer.alloc(bavail * bsize));
      for (const bytes of [1, 2 * MIB]) {
        expectJsonFailure(await store(network, 'new', bytes), { status: 7, code: 'NO_SPACE' });
        expectJsonFailure(await store(network, 'old', bytes), { status: 7, code: 'NO_SPACE' });
      }
      expect(await peer.staged()).toEqual([]);
      await expectOldServed(network);
      await rm(join(mount, 'filler'));
      expect((await store(network, 'new', 2 * MIB)).status).toBe(0);
      expect((await fetched(network, 'new')).equals(pseudoRandom(2 * MIB, 2 * MIB))).toBe(true);
    } finally {
      await network.close();
      await run('umount', [mount]);
      await removeDirectory(dir);
    }
  });
});

describeFaults('an ext4 disk', ['root', 'loop', 'ext4'], () => {
  it('without inodes refuses stores, serves what is old, and takes the store when there are some', async () => {
    const disk = await LoopDisk.make({ mib: DISK_MIB, mkfsArgs: ['-N', String(INODES)] });
    const { network, peer } = await startLonePeer('inodes', { storage: join(disk.path, 'peer') });
    try {
      await network.put('old', OLD);
      const fillers: string[] = [];
      const fill = async (): Promise<never> => {
        for (;;) {
          const path = join(disk.path, `filler ${String(fillers.length)}`);
          await writeFile(path, '');
          fillers.push(path);
        }
      };
      await expect(fill()).rejects.toMatchObject({ code: 'ENOSPC' });
      for (const bytes of [1, 2 * MIB]) {
        expectJsonFailure(await store(network, 'new', bytes), { status: 7, code: 'NO_SPACE' });
      }
      expect(await peer.staged()).toEqual([]);
      await expectOldServed(network);
      for (const path of fillers) await rm(path);
      expect((await store(network, 'new', 2 * MIB)).status).toBe(0);
    } finally {
      await network.close();
      await disk.close();
    }
  });

  it('that becomes read-only refuses stores with words, serves what is old, and is whole when it is back', async () => {
    const disk = await LoopDisk.make({ mib: DISK_MIB });
    const { network, peer } = await startLonePeer('read-only', { storage: join(disk.path, 'peer') });
    try {
      await network.put('old', OLD);
      await network.placeOf('old');
      await disk.becomeReadOnly();
      for (const bytes of [1, 2 * MIB]) {
        const [line] = expectJsonFailure(await store(network, 'new', bytes), { status: 1, code: 'STORAGE_UNUSABLE' });
        expect(line?.error.message).toMatch(/read-only/);
      }
      await expectOldServed(network);
      await peer.stop();
      // Started again there, it says the same, and does not serve.
      const again = await network.run('p2p-peer', [
        'start',
        '--json',
        '--log-level',
        'silent',
        '--storage',
        peer.storage,
      ]);
      expectJsonFailure(again, { status: 1, code: 'STORAGE_UNUSABLE' });
      await disk.restart();
      await peer.start();
      await expectOldServed(network);
      expect((await store(network, 'new', 2 * MIB)).status).toBe(0);
    } finally {
      await network.close();
      await disk.close();
    }
  });
});
