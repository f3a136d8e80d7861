import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutputExistsError } from '../../src/base/errors.ts';
import { makeDirectories } from '../../src/cli/output-directory.ts';
import { openTarget, planOutput } from '../../src/cli/output-target.ts';

const signal = new AbortController().signal;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'p2p-output-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

describe('the plan of the output', () => {
  it('takes --out for a file, unless it is a directory, ends in a slash, or there are several names', async () => {
    expect(await planOutput(join(dir, 'new'), false)).toEqual({ kind: 'file', path: join(dir, 'new') });
    expect(await planOutput(dir, false)).toEqual({ kind: 'directory', path: dir });
    expect(await planOutput(join(dir, 'new/'), false)).toEqual({ kind: 'directory', path: `${dir}/new/` });
    expect(await planOutput(join(dir, 'new'), true)).toEqual({ kind: 'directory', path: join(dir, 'new') });
  });

  it('knows stdout and devices, and the current directory where nothing is said', async () => {
    expect(await planOutput('-', true)).toEqual({ kind: 'stdout' });
    expect(await planOutput('/dev/null', false)).toEqual({ kind: 'device', path: '/dev/null' });
    expect(await planOutput(undefined, false)).toEqual({ kind: 'here' });
    expect(await planOutput(undefined, true)).toEqual({ kind: 'directory', path: '.' });
  });
});

describe('a target', () => {
  it('lies under the whole name in a directory, whose parts are made', async () => {
    const target = await openTarget({ kind: 'directory', path: join(dir, 'out') }, '../x/y', {
      overwrite: false,
      signal,
    });
    expect(target.to).toEqual({ path: join(dir, 'out/%2E%2E/x/y'), overwrite: false });
    expect(await readdir(join(dir, 'out/%2E%2E'))).toEqual(['x']);
  });

  it('lies under the last component in the current directory', async () => {
    const target = await openTarget({ kind: 'here' }, 'a/b', { overwrite: true, signal });
    expect(target.to).toEqual({ path: 'b', overwrite: true });
  });
});

describe('directories of the output', () => {
  it('are not made through a link, nor through a file', async () => {
    await mkdir(join(dir, 'elsewhere'));
    await mkdir(join(dir, 'out'));
    await symlink(join(dir, 'elsewhere'), join(dir, 'out/link'));
    await writeFile(join(dir, 'out/file'), '');
    await expect(makeDirectories(join(dir, 'out'), ['link', 'a'])).rejects.toThrow(OutputExistsError);
    await expect(makeDirectories(join(dir, 'out'), ['file', 'a'])).rejects.toThrow(OutputExistsError);
    expect(await readdir(join(dir, 'elsewhere'))).toEqual([]);
  });

  it('may be below a link that was named, and may be there already', async () => {
    await mkdir(join(dir, 'real'));
    await symlink(join(dir, 'real'), join(dir, 'out'));
    await makeDirectories(join(dir, 'out'), ['a']);
    expect(await makeDirectories(join(dir, 'out'), ['a', 'b'])).toBe(join(dir, 'out/a/b'));
    expect(await readdir(join(dir, 'real/a'))).toEqual(['b']);
  });
});
