/**
 * Processor time of processes as Linux counts it, user and system together. What the kernel does in threads of its
 * own, writing pages to the disk above all, is nobody's and not in it.
 */

import { readFile } from 'node:fs/promises';

/** The unit of /proc, the same on every machine. */
const MS_PER_TICK = 10;
/** Places after the command's name, which may hold anything and ends at the last bracket. */
const UTIME = 11;
const STIME = 12;
const CHILDREN_UTIME = 13;
const CHILDREN_STIME = 14;

/** Of these processes, and of children of theirs that have ended, in ms. */
export async function cpuMs(pids: readonly number[]): Promise<number> {
  return total(pids, [UTIME, STIME, CHILDREN_UTIME, CHILDREN_STIME]);
}

/** Of all children of this process that have ended, in ms. */
export async function endedChildrenCpuMs(): Promise<number> {
  return total([process.pid], [CHILDREN_UTIME, CHILDREN_STIME]);
}

async function total(pids: readonly number[], places: readonly number[]): Promise<number> {
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8')));
  const ticks = lines.flatMap((line) => {
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return places.map((place) => Number(fields[place]));
  });
  return ticks.reduce((sum, more) => sum + more, 0) * MS_PER_TICK;
}
