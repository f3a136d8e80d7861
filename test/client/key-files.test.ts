import { chmod, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Identity, keyFileIn } from '../../src/client/identity.ts';
import {
  exportKey,
  importKey,
  keyBytes,
  keyFromBytes,
  newKeyFile,
  openKeyFile,
  ownerOf,
} from '../../src/client/key-files.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'p2p-keys-'));
});
afterEach(() => rm(dir, { recursive: true }));

const file = (name: string): string => join(dir, name);

describe('a key file that is named', () => {
  it('is acted with, also through a link', async () => {
    const key = await newKeyFile(file('robot.key'));
    await symlink(file('robot.key'), file('link'));
    for (const path of ['robot.key', 'link']) {
      const identity = await Identity.open(file('config'), file(path));
      expect(ownerOf(identity.key)).toBe(ownerOf(key));
    }
    expect(await readdir(file('config'))).toEqual([]);
  });

  it('is not made where it is missing; the error says how to make one', async () => {
    await expect(Identity.open(dir, file('none'))).rejects.toThrow('p2p-peer identity new');
    expect(await readdir(dir)).toEqual([]);
  });

  it.each([0o640, 0o604, 0o620, 0o601])('is refused with mode %o, and left as it is', async (mode) => {
    await newKeyFile(file('open.key'));
    await chmod(file('open.key'), mode);
    await expect(openKeyFile(file('open.key'))).rejects.toThrow('chmod 600');
    expect((await stat(file('open.key'))).mode & 0o777).toBe(mode);
  });

  it('is refused when it holds no key', async () => {
    await writeFile(file('text'), 'no key', { mode: 0o600 });
    await expect(openKeyFile(file('text'))).rejects.toMatchObject({ code: 'STORAGE_UNUSABLE' });
    expect(() => keyFromBytes(Buffer.from('no key'), 'stdin')).toThrow('stdin holds no private key');
  });
});

describe('an exported key', () => {
  it('is a private file of its own, never written over another, and the same key when it is read', async () => {
    const { key } = await Identity.open(dir);
    await exportKey(key, file('copy'));
    expect((await stat(file('copy'))).mode & 0o777).toBe(0o600);
    expect(ownerOf(await openKeyFile(file('copy')))).toBe(ownerOf(key));
    expect(ownerOf(keyFromBytes(await readFile(file('copy')), 'copy'))).toBe(ownerOf(key));
    await writeFile(file('mine'), 'mine');
    await expect(exportKey(key, file('mine'))).rejects.toThrow('exists already');
    await expect(newKeyFile(file('mine'))).rejects.toThrow('exists already');
    expect(await readFile(file('mine'), 'utf8')).toBe('mine');
    expect((await readdir(dir)).sort()).toEqual(['client.key', 'copy', 'mine']);
  });
});

describe('an imported key', () => {
  it('becomes the own one where there is none, and the same one again changes nothing', async () => {
    const key = await newKeyFile(file('other'));
    expect(await importKey(key, keyFileIn(dir), false)).toEqual({ keptOld: undefined });
    expect(await importKey(key, keyFileIn(dir), false)).toEqual({ keptOld: undefined });
    expect(ownerOf((await Identity.open(dir)).key)).toBe(ownerOf(key));
    expect((await readdir(dir)).sort()).toEqual(['client.key', 'other']);
  });

  it('takes the place of another one only by force, and that one is kept', async () => {
    const { key: old } = await Identity.open(dir);
    const key = await newKeyFile(file('other'));
    await expect(importKey(key, keyFileIn(dir), false)).rejects.toThrow('--force');
    expect(ownerOf((await Identity.open(dir)).key)).toBe(ownerOf(old));
    const { keptOld } = await importKey(key, keyFileIn(dir), true);
    expect(ownerOf((await Identity.open(dir)).key)).toBe(ownerOf(key));
    expect(keptOld).toMatch(/client\.key\.old-\d{8}T\d{6}Z$/);
    expect(Buffer.from(keyBytes(old)).equals(await readFile(keptOld ?? ''))).toBe(true);
    expect((await stat(keptOld ?? '')).mode & 0o777).toBe(0o600);
  });
});
