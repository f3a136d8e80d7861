/**
 * A small disk of its own: ext4 in a file, through a loop device. Its power can be cut: everything that was not made
 * durable is lost then, as the shutdown call of ext4 without a flush of the journal has it; what was, is replayed
 * when the disk is mounted again. The kernel writes nothing on its own account meanwhile (commit=600).
 *
 * The script that runs these tests gives them a mount namespace of their own, so that nothing stays mounted however they
 * end; here it is unmounted as soon as it has done its work.
 */

import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { guardChild, removeDirectory, temporaryDirectory } from '../../e2e/harness/clean-up.ts';
import { until, within } from '../../e2e/harness/until.ts';
import { ioctlTool, type IoctlTool } from './machine.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const TIMEOUT = { timeout: 30_000 };
/** One for all disks, so that a directory of the same names is read in the same order on each. */
const HASH_SEED = 'c1c1c1c1-1111-4111-8111-c1c1c1c1c1c1';
/** EXT4_IOC_SHUTDOWN: _IOR('X', 125, __u32). */
const SHUTDOWN_REQUEST = '0x8004587d';
/** EXT4_GOING_FLAGS_NOLOGFLUSH; the other ones write the journal first, which proves nothing. */
const NO_LOG_FLUSH = '2';
/** Arguments: the mount, the request, the flags. Says that it is ready, and when it is told to, when it acts. */
const SHUTDOWN: Record<IoctlTool, readonly string[]> = {
  python3: [
    '-c',
    `import fcntl, os, struct, sys, time
mount = os.open(sys.argv[1], os.O_RDONLY)
print("ready", flush=True)
sys.stdin.readline()
print(time.monotonic(), flush=True)
fcntl.ioctl(mount, int(sys.argv[2], 16), struct.pack("I", int(sys.argv[3])))`,
  ],
  perl: [
    '-e',
    `use Fcntl; use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC); $| = 1;
sysopen(my $mount, $ARGV[0], O_RDONLY) or die $!;
print "ready\\n";
<STDIN>;
print clock_gettime(CLOCK_MONOTONIC), "\\n";
ioctl($mount, hex $ARGV[1], pack("I", $ARGV[2])) or die $!;`,
  ],
};

const mounted = new Set<string>();
process.once('exit', () => {
  for (const path of mounted) execFileSync('umount', ['--lazy', path], { stdio: 'ignore' });
});

export type DiskOptions = { readonly mib: number; readonly mkfsArgs?: readonly string[] };

export class LoopDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly #dir: string;
  readonly #image: string;

  private constructor(dir: string) {
    this.#dir = dir;
    this.#image = join(dir, 'image');
    this.path = join(dir, 'disk');
  }

  static async make({ mib, mkfsArgs = [] }: DiskOptions): Promise<LoopDisk> {
    const disk = new LoopDisk(await temporaryDirectory('disk'));
    try {
      await mkdir(disk.path);
      await writeFile(disk.#image, '');
      await truncate(disk.#image, mib * MIB);
      await run(
        'mkfs.ext4',
        ['-q', '-F', '-E', `lazy_itable_init=0,hash_seed=${HASH_SEED}`, ...mkfsArgs, disk.#image],
        TIMEOUT,
      );
      await disk.#mount();
      return disk;
    } catch (error) {
      await disk.close();
      throw error;
    }
  }

  /** The power fails: what was not durable is lost, and nothing works on it any more. */
  async cutPower(): Promise<void> {
    const cut = await this.preparePowerCut();
    await cut();
  }

  /**
   * Gets everything ready, so that the power fails in the very moment in which the function is called.
   *
   * @returns the function, which gives the time by the monotonic clock, in seconds, up to which there was power. Syncs that
   *   are under way then may be reported as done by the kernel, which no disk without power could do.
   */
  async preparePowerCut(): Promise<() => Promise<number>> {
    const tool = ioctlTool() ?? 'perl';
    const child = spawn(tool, [...SHUTDOWN[tool], this.path, SHUTDOWN_REQUEST, NO_LOG_FLUSH], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    guardChild(child);
    const ended = once(child, 'close');
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    await until('a power cut is ready', () => said.includes('ready'));
    return async () => {
      child.stdin.end('\n');
      await within('a power cut', ended, TIMEOUT.timeout);
      if (child.exitCode !== 0) throw new Error(`the power of ${this.path} could not be cut`);
      return Number(said.split('\n')[1]);
    };
  }

  /** The power is back. Nobody must use the disk any more. */
  async restart(): Promise<void> {
    await this.#unmount();
    await this.#mount();
  }

  /** As after an error that the kernel found: it can be read, and not written any more, until it is restarted. */
  async becomeReadOnly(): Promise<void> {
    const mounts = await readFile('/proc/self/mounts', 'utf8');
    const device = mounts.split('\n').find((line) => line.split(' ')[1] === this.path);
    const name = /^\/dev\/(\S+)/.exec(device ?? '')?.[1];
    if (name === undefined) throw new Error(`${this.path} is not mounted`);
    await writeFile(`/sys/fs/ext4/${name}/trigger_fs_error`, '1');
  }

  /** Quiet where it was never mounted. */
  async close(): Promise<void> {
    await this.#unmount();
    await removeDirectory(this.#dir);
  }

  async #mount(): Promise<void> {
    await run('mount', ['-o', 'loop,commit=600,errors=remount-ro', this.#image, this.path], TIMEOUT);
    mounted.add(this.path);
  }

  /** Processes that were killed may take a moment to let go of it. */
  async #unmount(): Promise<void> {
    if (!mounted.has(this.path)) return;
    await until(`${this.path} is unmounted`, () =>
      run('umount', [this.path], TIMEOUT).then(
        () => true,
        (error: unknown) => !String(error).includes('busy') && Promise.reject(error as Error),
      ),
    );
    mounted.delete(this.path);
  }
}
