import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UploadJournal, type UploadSource } from '../../src/client/upload-journal.ts';

const HOUR_MS = 60 * 60 * 1000;

const source: UploadSource = {
  networkId: new Uint8Array(32).fill(1),
  name: 'n',
  path: '/a/b',
  size: 10_000_000,
  fingerprint: '1 2 3 4 5',
};
const hashes = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => new Uint8Array(32).fill(i));

let parent: string;
let dir: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'journal-'));
  dir = join(parent, 'uploads');
});
const begun: UploadJournal[] = [];
afterEach(async () => {
  for (const journal of begun.splice(0)) await journal.remove();
  await rm(parent, { recursive: true, force: true });
});

async function opened(of: UploadSource = source): Promise<UploadJournal> {
  const journal = await UploadJournal.open(dir, of);
  if (journal === undefined) throw new Error('no journal');
  begun.push(journal);
  return journal;
}

/** The only journal, as a path. */
async function pathOf(): Promise<string> {
  const [name = '', ...more] = await readdir(dir);
  expect(more).toEqual([]);
  return join(dir, name);
}

async function deadPid(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid ?? 0;
}

/** Makes the only journal another process's, of which this one knows nothing. */
async function giveTo(pid: number): Promise<void> {
  const path = await pathOf();
  await rename(path, path.replace(/[0-9a-f]{8}\.\d+\.upload$/, `00000000.${String(pid)}.upload`));
}

describe('the journal of an upload', () => {
  it('gives the next run the id and the hashes that this one left', async () => {
    const first = await opened();
    expect(first.uploadId).toHaveLength(16);
    expect(first.hashes).toEqual([]);
    for (let count = 1; count <= 40; count++) await first.note(hashes(count));
    await first.leave(hashes(41));
    const second = await opened();
    expect(second.uploadId).toEqual(first.uploadId);
    expect(second.hashes).toEqual(hashes(41));
    await second.note(hashes(60));
    await second.leave(hashes(60));
    expect((await opened()).hashes).toEqual(hashes(60));
  });

  it('is there after a kill, with all hashes but the last few', async () => {
    const killed = await opened();
    for (let count = 1; count <= 40; count++) await killed.note(hashes(count));
    await giveTo(await deadPid());
    const next = await opened();
    expect(next.uploadId).toEqual(killed.uploadId);
    expect(next.hashes).toEqual(hashes(32));
  });

  it.each([
    ['network', { networkId: new Uint8Array(32) }],
    ['name', { name: 'm' }],
    ['path', { path: '/a/c' }],
    ['size', { size: 10_000_001 }],
    ['time, inode or device', { fingerprint: '1 2 3 4 6' }],
  ])('is for its own source only: another %s is another upload', async (_, other) => {
    const first = await opened();
    await first.leave(hashes(3));
    const second = await opened({ ...source, ...other });
    expect(second.uploadId).not.toEqual(first.uploadId);
    expect(second.hashes).toEqual([]);
    await second.remove();
    expect((await opened()).uploadId).toEqual(first.uploadId);
  });

  it('is not taken from one that is at work with it, in this process or another', async () => {
    const here = await opened();
    expect((await opened()).uploadId).not.toEqual(here.uploadId);
    await rm(dir, { recursive: true });
    const there = await opened();
    await giveTo(process.ppid);
    expect((await opened()).uploadId).not.toEqual(there.uploadId);
  });

  it('is taken by one of several that ask at the same time', async () => {
    const left = await opened();
    await left.leave(hashes(2));
    const all = await Promise.all(Array.from({ length: 8 }, () => opened()));
    const same = all.filter(({ uploadId }) => Buffer.from(uploadId).equals(left.uploadId));
    expect(same).toHaveLength(1);
  });

  it('counts a torn hash at its end for nothing, and goes on behind the whole ones', async () => {
    await (await opened()).leave(hashes(5));
    await truncate(await pathOf(), (await stat(await pathOf())).size - 7);
    const torn = await opened();
    expect(torn.hashes).toEqual(hashes(4));
    await torn.leave(hashes(6));
    expect((await opened()).hashes).toEqual(hashes(6));
  });

  it('forgets the hashes of what is sent again', async () => {
    await (await opened()).leave(hashes(9));
    const again = await opened();
    await again.keepFirst(4);
    await again.leave(hashes(4));
    expect((await opened()).hashes).toEqual(hashes(4));
  });

  it('is begun anew where it is no journal', async () => {
    const first = await opened();
    await first.leave([]);
    await writeFile(await pathOf(), '{"format":1,"uploadId":"zz"}\n');
    const second = await opened();
    expect(second.uploadId).not.toEqual(first.uploadId);
    await second.remove();
    expect(await readdir(dir)).toEqual([]);
  });

  it('is for its owner only', async () => {
    await opened();
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
    expect((await stat(await pathOf())).mode & 0o777).toBe(0o600);
  });

  it('is deleted after a day, unless somebody is at work with it', async () => {
    const working = await opened({ ...source, name: 'working' });
    await (await opened()).leave(hashes(1));
    const old = new Date(Date.now() - 25 * HOUR_MS);
    for (const name of await readdir(dir)) await utimes(join(dir, name), old, old);
    await (await opened({ ...source, name: 'new' })).remove();
    expect(await readdir(dir)).toHaveLength(1);
    await working.leave(hashes(1));
    expect((await opened({ ...source, name: 'working' })).uploadId).toEqual(working.uploadId);
  });

  it('gives way when there are too many, the oldest first; foreign files are left alone', async () => {
    for (let i = 0; i < 80; i++) await (await opened({ ...source, name: String(i) })).leave([]);
    await appendFile(join(dir, 'notes.txt'), 'mine');
    await opened();
    const names = await readdir(dir);
    expect(names).toHaveLength(65);
    expect(names).toContain('notes.txt');
  });

  it('is done without where the folder cannot be made', async () => {
    await writeFile(dir, 'a file');
    expect(await UploadJournal.open(dir, source)).toBeUndefined();
  });
});
