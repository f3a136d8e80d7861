/**
 * What a fault takes of the machine that it is caused on: a tracer, root, loop devices, tools of ext4. A suite names what
 * it needs. Where that is missing it says so and is left out; where every fault must be seen (P2P_FAULTS_REQUIRED=1, as
 * in CI) it fails instead, so that nothing is ever left out unnoticed.
 */

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const REQUIRED = process.env['P2P_FAULTS_REQUIRED'] === '1';
const PROBE_TIMEOUT_MS = 10_000;

/** The words say what to do about it. */
const NEEDS = {
  strace: () => works('strace', ['-o', '/dev/null', 'true']) || 'strace must be installed, and allowed to trace',
  root: () => process.getuid?.() === 0 || 'file systems are mounted, which only root may',
  loop: () => works('losetup', ['--find']) || 'a free loop device is needed (losetup --find)',
  ext4: () => works('mkfs.ext4', ['-V']) || 'mkfs.ext4 must be installed (e2fsprogs)',
  prlimit: () => works('prlimit', ['--nofile']) || 'prlimit must be installed (util-linux)',
  ioctl: () => ioctlTool() !== undefined || 'python3 or perl must be installed: Node has no ioctl',
} as const;

export type Need = keyof typeof NEEDS;

export function works(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: PROBE_TIMEOUT_MS }).status === 0;
}

export type IoctlTool = 'python3' | 'perl';

export function ioctlTool(): IoctlTool | undefined {
  if (works('python3', ['-c', 'import fcntl'])) return 'python3';
  return works('perl', ['-e', '1']) ? 'perl' : undefined;
}

/** A `describe` whose tests run where the machine has what they need. */
export function describeFaults(title: string, needs: readonly Need[], define: () => void): void {
  const missing = needs.map((need) => NEEDS[need]()).filter((answer) => answer !== true);
  if (missing.length === 0) {
    describe(title, define);
    return;
  }
  const words = missing.join('; ');
  console.warn(`NOT TESTED: ${title}: ${words}`);
  describe(title, () => {
    it.skipIf(!REQUIRED)(`cannot be tested on this machine: ${words}`, () => {
      expect.fail(words);
    });
  });
}
