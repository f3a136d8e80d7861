import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localItems, nameOfPath, type LocalItem } from '../../src/cli/local-files.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'p2p-local-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

async function take(paths: string[], as?: string): Promise<{ items: LocalItem[]; notes: string[] }> {
  const notes: string[] = [];
  const items: LocalItem[] = [];
  for await (const item of localItems(paths, as, (text) => notes.push(text))) items.push(item);
  return { items, notes };
}

describe('the files of paths', () => {
  it('are named by the last component, or as asked', async () => {
    await writeFile(join(dir, 'a b'), 'four');
    expect((await take([join(dir, 'a b')])).items).toMatchObject([{ name: 'a b', size: 4 }]);
    expect((await take([join(dir, 'a b')], 'x/y')).items).toMatchObject([{ name: 'x/y', size: 4 }]);
    expect(nameOfPath('/a/b/')).toBe('b');
    expect(nameOfPath('/a/b/../c')).toBe('c');
  });

  it('of a directory are named relative to it, its own name in front', async () => {
    await mkdir(join(dir, 'top/sub/empty'), { recursive: true });
    await writeFile(join(dir, 'top/one'), '');
    await writeFile(join(dir, 'top/sub/two'), '');
    const { items } = await take([join(dir, 'top')]);
    expect(items.map(({ name }) => name)).toEqual(['top/one', 'top/sub/two']);
  });

  it('follow a link that is named, and pass over links and pipes inside a directory', async () => {
    await mkdir(join(dir, 'top'));
    await writeFile(join(dir, 'file'), 'x');
    await symlink(join(dir, 'file'), join(dir, 'top/link'));
    await symlink(dir, join(dir, 'top/circle'));
    execFileSync('mkfifo', [join(dir, 'top/pipe')]);
    const inside = await take([join(dir, 'top')]);
    expect(inside.items).toEqual([]);
    expect(inside.notes).toHaveLength(3);
    expect((await take([join(dir, 'top/link')])).items).toMatchObject([{ name: 'link', size: 1 }]);
  });

  it('that are missing take their place among the results as failures', async () => {
    await writeFile(join(dir, 'b'), '');
    const { items } = await take([join(dir, 'a'), join(dir, 'b')]);
    expect(items).toMatchObject([
      { name: 'a', error: { code: 'ENOENT' } },
      { name: 'b', size: 0 },
    ]);
  });

  it('include stdin under its given name, of unknown size', async () => {
    expect((await take(['-'], 'piped')).items).toMatchObject([{ name: 'piped', size: undefined }]);
  });
});
