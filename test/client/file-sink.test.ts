import { mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileSink } from '../../src/client/file-sink.ts';
import type { ContentShape, FileEntry } from '../../src/client/types.ts';

const entry: FileEntry = {
  name: 'n',
  key: '0000',
  version: '1-00',
  size: 5,
  sha256: '',
  modifiedMs: 1_600_000_000_000,
  mode: 0o640,
  owner: 'o',
};

const shape: ContentShape = { version: '1-00', merkleRoot: '', chunkBytes: 4, chunks: 2 };

describe('FileSink', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'p2p-sink-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('gives the file its name, mode and time only when it is complete', async () => {
    const path = join(dir, 'out');
    const sink = new FileSink(path, false);
    await sink.start(entry, shape, 0);
    await sink.write([Buffer.from('he'), Buffer.from('llo')]);
    expect(await readdir(dir)).not.toContain('out');
    await sink.complete();
    expect(await readdir(dir)).toEqual(['out']);
    expect(await readFile(path, 'utf8')).toBe('hello');
    const { mode, mtimeMs } = await stat(path);
    expect([mode & 0o777, mtimeMs]).toEqual([0o640, entry.modifiedMs]);
  });

  it('leaves nothing behind when it is given up', async () => {
    const sink = new FileSink(join(dir, 'out'), false);
    await sink.start(entry, shape, 0);
    await sink.write([Buffer.from('he')]);
    await sink.discard();
    expect(await readdir(dir)).toEqual([]);
  });

  it('refuses to replace a file that was there, or that has appeared meanwhile', async () => {
    const path = join(dir, 'out');
    const late = new FileSink(path, false);
    await late.start(entry, shape, 0);
    await writeFile(path, 'mine');
    await expect(late.complete()).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    await late.discard();
    await expect(new FileSink(path, false).start(entry, shape, 0)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    expect(await readFile(path, 'utf8')).toBe('mine');
    expect(await readdir(dir)).toEqual(['out']);
  });

  it('replaces a link itself with overwrite, and leaves alone what it points to', async () => {
    const [target, path] = [join(dir, 'target'), join(dir, 'link')];
    await writeFile(target, 'mine');
    await symlink(target, path);
    const sink = new FileSink(path, true);
    await sink.start(entry, shape, 0);
    await sink.write([Buffer.from('theirs')]);
    await sink.complete();
    expect(await readFile(target, 'utf8')).toBe('mine');
    expect(await readFile(path, 'utf8')).toBe('theirs');
  });

  it('writes straight to a device', async () => {
    const sink = new FileSink('/dev/null', false);
    await sink.start(entry, shape, 0);
    await sink.write([Buffer.from('gone')]);
    await sink.complete();
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  it('says why a place cannot be written', async () => {
    await expect(new FileSink(join(dir, 'no/such/dir'), false).start(entry, shape, 0)).rejects.toThrow(
      `cannot write ${join(dir, 'no/such/dir')}: there is no directory ${join(dir, 'no/such')}`,
    );
  });

  it('says so when its temporary file was taken away', async () => {
    const sink = new FileSink(join(dir, 'out'), true);
    await sink.start(entry, shape, 0);
    for (const name of await readdir(dir)) await rm(join(dir, name));
    await expect(sink.complete()).rejects.toThrow('its temporary file has gone');
    await sink.discard();
  });
});
