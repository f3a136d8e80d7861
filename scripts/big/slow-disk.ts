/**
 * A disk that writes only so many bytes a second, for one process: the kernel's own limit for a control group, of
 * version 2 (io.max) or 1 (blkio.throttle). It needs root, and storage on a disk that the kernel can limit. Pages that
 * the kernel writes out on its own account are not held back; what a process syncs is, and a peer syncs as it writes.
 */

import { existsSync } from 'node:fs';
import { mkdir, readFile, realpath, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const ROOT_V1 = '/sys/fs/cgroup/blkio';
const ROOT_V2 = '/sys/fs/cgroup';
const REMOVE_ATTEMPTS = 50;
const REMOVE_PAUSE_MS = 100;

export class SlowDisk {
  /** For people: what limits it. */
  readonly means: string;
  readonly #group: string;

  private constructor(group: string, means: string) {
    this.#group = group;
    this.means = means;
  }

  /** @returns undefined where this machine, or this user, has no such limit to set */
  static async make(path: string, bytesPerSecond: number): Promise<SlowDisk | undefined> {
    const device = await deviceOf(path);
    if (device === undefined) return undefined;
    const name = `p2p-file-store-test-${process.pid}`;
    const ways = [
      {
        root: ROOT_V1,
        mark: 'blkio.throttle.write_bps_device',
        limit: `${device} ${bytesPerSecond}`,
        means: 'cgroup v1 blkio',
      },
      { root: ROOT_V2, mark: 'io.max', limit: `${device} wbps=${bytesPerSecond}`, means: 'cgroup v2 io.max' },
    ];
    for (const { root, mark, limit, means } of ways) {
      const marked = mark === 'io.max' ? existsSync(join(root, 'cgroup.controllers')) : existsSync(join(root, mark));
      if (!marked) continue;
      const group = join(root, name);
      try {
        if (mark === 'io.max') await writeFile(join(root, 'cgroup.subtree_control'), '+io');
        await mkdir(group);
        await writeFile(join(group, mark), limit);
        return new SlowDisk(group, means);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error;
        await rmdir(group).catch(() => undefined); // It may not have been made.
      }
    }
    return undefined;
  }

  async hold(pid: number): Promise<void> {
    await writeFile(join(this.#group, 'cgroup.procs'), String(pid));
  }

  /** To be called when the processes have ended; the kernel may need a moment to see it. */
  async remove(): Promise<void> {
    for (let attempt = 1; existsSync(this.#group); attempt++) {
      try {
        await rmdir(this.#group);
      } catch (error) {
        if (attempt === REMOVE_ATTEMPTS) throw error;
        await delay(REMOVE_PAUSE_MS);
      }
    }
  }
}

/** `major:minor` of the disk under a path, a whole one where it is a partition; undefined where there is none to be seen. */
async function deviceOf(path: string): Promise<string | undefined> {
  const { dev } = await stat(path, { bigint: true });
  const major = (dev >> 8n) & 0xfffn;
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n);
  const entry = `/sys/dev/block/${major}:${minor}`;
  if (major === 0n || !existsSync(entry)) return undefined;
  // The entry is a link into the device tree: the disk is above the partition there, not above the link.
  const place = await realpath(entry);
  const disk = existsSync(join(place, 'partition')) ? dirname(place) : place;
  return (await readFile(join(disk, 'dev'), 'utf8')).trim();
}
