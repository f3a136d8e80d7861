import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDirectory } from '../../src/client/make-directory.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'p2p-make-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('making a directory', () => {
  it('makes what is missing above it, all with the mode, and is quiet when it is there', async () => {
    const path = join(dir, 'a/b/c');
    await makeDirectory(path, { mode: 0o700 });
    await makeDirectory(path, { mode: 0o700 });
    for (const made of ['a', 'a/b', 'a/b/c']) expect((await stat(join(dir, made))).mode & 0o777).toBe(0o700);
  });

  it('works for many at once', async () => {
    await Promise.all(Array.from({ length: 20 }, () => makeDirectory(join(dir, 'x/y/z'))));
    expect((await stat(join(dir, 'x/y/z'))).isDirectory()).toBe(true);
  });

  it('fails where something else is in the way', async () => {
    await writeFile(join(dir, 'file'), '');
    await expect(makeDirectory(join(dir, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeDirectory(join(dir, 'file/below'))).rejects.toThrow();
  });

  it.runIf(process.platform === 'linux')('ends where the file system takes no new directories', async () => {
    await expect(makeDirectory('/proc/nothing/here')).rejects.toThrow('no directory can be made there');
  });
});
