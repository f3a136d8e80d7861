import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  link,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileSink } from '../../src/client/file-sink.ts';
import { RESUMABLE_BYTES_MIN } from '../../src/client/resumable-part.ts';
import type { ContentShape, FileEntry } from '../../src/client/types.ts';

const CHUNK = 1024 * 1024;
const CHUNKS = 9;
const entry: FileEntry = {
  name: 'n',
  key: '0000',
  version: `1-${'0'.repeat(32)}`,
  size: CHUNKS * CHUNK,
  sha256: '',
  modifiedMs: 1_600_000_000_000,
  mode: 0o640,
  owner: 'o',
};
const shape: ContentShape = { version: entry.version, merkleRoot: 'aa', chunkBytes: CHUNK, chunks: CHUNKS };
const chunk = (index: number): Uint8Array => Buffer.alloc(CHUNK, index + 1);
const whole = Buffer.concat(Array.from({ length: CHUNKS }, (_, index) => chunk(index)));

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'p2p-part-'));
  path = join(dir, 'out');
});
afterEach(() => rm(dir, { recursive: true }));

/** A fetch that takes so many chunks. @returns what it found left, in chunks */
async function fetch(sink: FileSink, chunks: number): Promise<number> {
  const left = (await sink.left('n'))?.chunksLeft ?? 0;
  await sink.start(entry, shape, left);
  for (let index = left; index < chunks; index++) await sink.write([chunk(index)]);
  return left;
}

async function brokenOff(chunks: number): Promise<void> {
  const sink = new FileSink(path, false);
  await fetch(sink, chunks);
  await sink.breakOff();
  await sink.discard();
}

/** As a process leaves it that was killed: its number stands in the note, and nothing was synced. */
async function killed(chunks: number, pid?: number): Promise<void> {
  await brokenOff(chunks);
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  await changeNote({ pid: pid ?? child.pid, synced: false });
}

async function noteName(): Promise<string> {
  return (await readdir(dir)).find((name) => name.endsWith('.resume')) ?? '';
}

async function partName(): Promise<string> {
  return (await readdir(dir)).find((name) => name.endsWith('.part')) ?? '';
}

async function changeNote(changes: object): Promise<void> {
  const file = join(dir, await noteName());
  await writeFile(file, JSON.stringify({ ...(JSON.parse(await readFile(file, 'utf8')) as object), ...changes }));
}

async function finish(expectLeft: number): Promise<void> {
  const sink = new FileSink(path, false);
  expect(await fetch(sink, CHUNKS)).toBe(expectLeft);
  await sink.complete();
  await sink.discard();
  expect(whole.equals(await readFile(path))).toBe(true);
}

describe('a large fetch that is broken off', () => {
  it('goes on behind its last whole chunk, and leaves nothing but the file when it is complete', async () => {
    await brokenOff(3);
    await appendFile(join(dir, await partName()), 'a piece of the next one');
    expect(await readdir(dir)).toHaveLength(2);
    await finish(3);
    expect(await readdir(dir)).toEqual(['out']);
    const { mode, mtimeMs } = await stat(path);
    expect([mode & 0o777, mtimeMs]).toEqual([0o640, entry.modifiedMs]);
  });

  it('goes on again and again', async () => {
    await brokenOff(2);
    const sink = new FileSink(path, false);
    expect(await fetch(sink, 5)).toBe(2);
    await sink.breakOff();
    await finish(5);
  });

  it('goes on after a kill', async () => {
    await killed(4);
    await finish(4);
    expect(await readdir(dir)).toEqual(['out']);
  });

  it('leaves nothing behind when not a whole chunk has come, or when the failure is for good', async () => {
    await brokenOff(0);
    expect(await readdir(dir)).toEqual([]);
    const sink = new FileSink(path, false);
    await fetch(sink, 5);
    await sink.discard();
    expect(await readdir(dir)).toEqual([]);
  });

  it('starts anew for another version, and deletes what was left', async () => {
    await brokenOff(3);
    const sink = new FileSink(path, false);
    expect((await sink.left('n'))?.version).toBe(entry.version);
    await sink.start({ ...entry, version: 'other' }, { ...shape, version: 'other' }, 0);
    expect(await readdir(dir)).toHaveLength(2);
    for (let index = 0; index < CHUNKS; index++) await sink.write([chunk(index)]);
    await sink.complete();
    expect(await readdir(dir)).toEqual(['out']);
  });

  it('is kept when the next one does not get as far as that', async () => {
    await brokenOff(3);
    const sink = new FileSink(path, false);
    await sink.left('n');
    await sink.discard();
    await finish(3);
  });

  it('of a small file leaves nothing', async () => {
    const sink = new FileSink(path, false);
    await sink.left('n');
    await sink.start({ ...entry, size: RESUMABLE_BYTES_MIN - 1 }, shape, 0);
    await sink.write([chunk(0)]);
    await sink.breakOff();
    await sink.discard();
    expect(await readdir(dir)).toEqual([]);
  });
});

describe('what was left is not believed', () => {
  const anew: readonly (readonly [string, () => Promise<void>])[] = [
    ['after a power cut, when it was not synced', () => changeNote({ boot: 'another run', synced: false })],
    ['when others could have written it', async () => chmod(join(dir, await partName()), 0o660)],
    ['when others could have written the note', async () => chmod(join(dir, await noteName()), 0o606)],
    ['when it is gone', async () => rm(join(dir, await partName()))],
    ['when it has another name besides', async () => link(join(dir, await partName()), join(dir, 'other'))],
    [
      'when it is a link',
      async () => {
        const part = join(dir, await partName());
        await rename(part, join(dir, 'other'));
        await symlink(join(dir, 'other'), part);
      },
    ],
    ['when the note is empty', async () => writeFile(join(dir, await noteName()), '')],
    [
      'when the note leads to something else',
      async () => {
        await writeFile(join(dir, 'mine'), whole.subarray(0, 5 * CHUNK));
        await changeNote({ part: 'mine' });
      },
    ],
    ['when the note is of another format', () => changeNote({ format: 2 })],
  ];

  it.each(anew)('%s', async (_title, damage) => {
    await brokenOff(3);
    await damage();
    await finish(0);
  });

  it('while another process is at work on it, which is left alone', async () => {
    await killed(3, process.ppid);
    const before = (await readdir(dir)).toSorted();
    await finish(0);
    expect((await readdir(dir)).toSorted()).toEqual([...before, 'out'].toSorted());
  });
});

describe('two fetches to one path at once', () => {
  it('do not take each other’s part, and the second to end is refused', async () => {
    const [first, second] = [new FileSink(path, false), new FileSink(path, false)];
    await fetch(first, 2);
    expect(await fetch(second, 0)).toBe(0);
    for (let index = 2; index < CHUNKS; index++) await first.write([chunk(index)]);
    await first.complete();
    expect(whole.equals(await readFile(path))).toBe(true);
    await second.write([chunk(0)]);
    await expect(second.complete()).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    await second.discard();
    expect(await readdir(dir)).toEqual(['out']);
  });

  it('that find the same part: one goes on, the other is told', async () => {
    await brokenOff(3);
    const [first, second] = [new FileSink(path, false), new FileSink(path, false)];
    expect([(await first.left('n'))?.chunksLeft, (await second.left('n'))?.chunksLeft]).toEqual([3, 3]);
    await first.start(entry, shape, 3);
    await expect(second.start(entry, shape, 3)).rejects.toThrow('another process');
    await second.discard();
    for (let index = 3; index < CHUNKS; index++) await first.write([chunk(index)]);
    await first.complete();
    expect(whole.equals(await readFile(path))).toBe(true);
    expect(await readdir(dir)).toEqual(['out']);
  });

  it('that find the same part: one goes on, the other begins another version without touching it', async () => {
    await brokenOff(3);
    const [first, second] = [new FileSink(path, false), new FileSink(path, true)];
    for (const sink of [first, second]) expect((await sink.left('n'))?.chunksLeft).toBe(3);
    await first.start(entry, shape, 3);
    await second.start({ ...entry, version: 'other' }, { ...shape, version: 'other' }, 0);
    await second.write([Buffer.alloc(CHUNK, 99)]);
    for (let index = 3; index < CHUNKS; index++) await first.write([chunk(index)]);
    await first.complete();
    expect(whole.equals(await readFile(path))).toBe(true);
    await second.discard();
    expect(await readdir(dir)).toEqual(['out']);
  });
});
