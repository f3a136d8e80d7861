import { chmod, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StorageUnusableError } from '../../src/base/errors.ts';
import { readOrCreateKeyFile } from '../../src/store/key-file.ts';
import { temporaryDirectory } from './samples.ts';

describe('a key file', () => {
  it('is made once, with mode 0600, and read from then on', async () => {
    await temporaryDirectory(async (path) => {
      const file = join(path, 'peer.key');
      expect(await readOrCreateKeyFile(file, () => Uint8Array.of(1, 2))).toEqual(Uint8Array.of(1, 2));
      expect(await readOrCreateKeyFile(file, () => Uint8Array.of(9))).toEqual(Uint8Array.of(1, 2));
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await readdir(path)).toEqual(['peer.key']);
    });
  });

  it('is one, however many make it at once', async () => {
    await temporaryDirectory(async (path) => {
      const file = join(path, 'peer.key');
      const keys = await Promise.all(
        Array.from({ length: 20 }, (_, i) => readOrCreateKeyFile(file, () => Promise.resolve(Uint8Array.of(i)))),
      );
      expect(new Set(keys.map((key) => key[0])).size).toBe(1);
      expect(await readdir(path)).toEqual(['peer.key']);
    });
  });

  it('is narrowed to its owner, and refused when it is empty', async () => {
    await temporaryDirectory(async (path) => {
      const file = join(path, 'peer.key');
      await writeFile(file, 'key');
      await chmod(file, 0o644);
      await readOrCreateKeyFile(file, () => new Uint8Array(0));
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      await writeFile(file, '');
      await expect(readOrCreateKeyFile(file, () => Uint8Array.of(1))).rejects.toThrow(StorageUnusableError);
    });
  });

  it('needs its directory', async () => {
    await temporaryDirectory(async (path) => {
      const making = readOrCreateKeyFile(join(path, 'not', 'there'), () => Uint8Array.of(1));
      await expect(making).rejects.toThrow(StorageUnusableError);
    });
  });
});
