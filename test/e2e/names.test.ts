/**
 * Names of all kinds, through real commands: what is a name comes back under it, what is none is refused, no two names
 * meet, and none leads out of a directory, neither at the peers nor where a file is fetched to.
 */

import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesBelow, pseudoRandom, sha256 } from './harness/content.ts';
import { Network } from './harness/network.ts';
import { closest, keyOf } from './harness/oracle.ts';
import { NAMES_WITH_ONE_KEY } from './harness/same-key.ts';
import { until } from './harness/until.ts';

const PEERS = 4;
const NAME_BYTES_MAX = 1024;

const NFC = 'caf\u00e9 \u00c5ngstr\u00f6m';
const NFD = NFC.normalize('NFD');

const NAMES: readonly (readonly [title: string, name: string])[] = [
  ['with spaces', ' a name  with spaces '],
  ['in composed Unicode', NFC],
  ['in decomposed Unicode', NFD],
  ['with a leading dash', '-rf'],
  ['that looks like an option', '--json'],
  ['of a parent directory', '..'],
  ['of this directory', '.'],
  ['with slashes', 'a/b/c'],
  ['with quotes and shell signs', `"'$(touch x)\`;&|*?<>`],
  ['of 1,024 bytes', 'm'.repeat(NAME_BYTES_MAX)],
  ['that climbs', '../../etc/passwd'],
  ['that climbs on the way', 'a/../../../outside'],
  ['that is absolute', '/etc/passwd'],
  ['of a slash alone', '/'],
  ['with empty components', 'a//b/'],
  ['in another case', 'A/B/C'],
  ['with percent signs', '%2E%2E/%2e%2e%00'],
  ['with backslashes', 'C:\\Windows\\..\\..\\x'],
  ['of Windows devices', 'NUL'],
  ['with emoji and right-to-left marks', '\u{1F469}\u200D\u{1F680}\u202Etxt.exe'],
  ['of 255 bytes', 'n'.repeat(255)],
  ['of 256 bytes', 'n'.repeat(256)],
  ['of 1,024 bytes in 512 characters', '\u00e9'.repeat(NAME_BYTES_MAX / 2)],
  ['of 1,024 bytes in directories', 'd/'.repeat(NAME_BYTES_MAX / 2 - 1) + 'xy'],
];

/** Those that a command line could trip over go through the commands one by one, the others through the library. */
const THROUGH_COMMANDS = 12;

const REFUSED: readonly (readonly [title: string, name: string])[] = [
  ['that is empty', ''],
  ['with a line feed', 'a\nb'],
  ['with a tab', 'a\tb'],
  ['with an escape', '\u001b[2J'],
  ['with a delete', 'a\u007f'],
  ['with a C1 control character', 'a\u0085b'],
  ['of 1,025 bytes', 'm'.repeat(NAME_BYTES_MAX + 1)],
  ['of 1,025 bytes in fewer characters', '\u00e9'.repeat(NAME_BYTES_MAX / 2) + 'm'],
];

let network: Network;

beforeAll(async () => {
  network = await Network.start({ title: 'names', peers: PEERS });
});
afterAll(() => network.close());

/** Everything below the network's directory that is neither below `inside` nor a peer's own. */
async function strays(inside: string): Promise<string[]> {
  const own = /^(?:peer-\d+|discovery|config)\//;
  const files = await filesBelow(network.dir);
  return files.filter((path) => !own.test(path) && !path.startsWith(`${inside}/`));
}

describe('a name', () => {
  it.each(NAMES.slice(0, THROUGH_COMMANDS))(
    '%s is stored, and comes back into the current directory',
    async (_title, name) => {
      const content = `content of ${name}`;
      const [stored] = await network.succeed('store-file', ['--as', name, '-'], { stdin: content });
      expect(stored).toMatchObject({ name, key: keyOf(name), sha256: sha256(content) });
      expect(stored?.root.nodeId).toBe(closest(network.nodeIds, keyOf(name)));
      const cwd = await network.directory('deep/cwd', keyOf(name));
      const { status, stderr } = await network.run('fetch-file', ['--', name], { cwd });
      expect(status, stderr).toBe(0);
      const files = await filesBelow(cwd);
      expect(files.length).toBe(1);
      expect(await readFile(join(cwd, files[0] ?? ''), 'utf8')).toBe(content);
      expect(await strays('deep')).toEqual([]);
    },
  );

  it.each(NAMES.slice(THROUGH_COMMANDS))('%s is stored by the library', async (_title, name) => {
    const content = `content of ${name}`;
    const store = await network.connect();
    const { root, key } = await store.store(name, Buffer.from(content));
    expect(key).toBe(keyOf(name));
    expect(root.nodeId).toBe(closest(network.nodeIds, keyOf(name)));
    await store.close();
  });

  it.each(REFUSED)('%s is refused by both commands before anything happens', async (_title, name) => {
    for (const [command, args] of [
      ['store-file', ['--json', '--as', name, '-']],
      ['fetch-file', ['--json', '--out', network.file('refused'), '--', name]],
    ] as const) {
      const finished = await network.run(command, args, { stdin: 'x' });
      expect(finished.status, command).toBe(2);
      expect(
        finished.json().map(({ error }) => error.code),
        command,
      ).toEqual(['INVALID_NAME']);
    }
  });

  it('with NUL cannot be given to a command, and is refused by the library', async () => {
    const store = await network.connect();
    for (const name of ['a\0b', '\0']) {
      await expect(store.store(name, Buffer.from('x'))).rejects.toMatchObject({ code: 'INVALID_NAME' });
      await expect(store.fetch(name, { path: network.file('refused') })).rejects.toMatchObject({
        code: 'INVALID_NAME',
      });
    }
  });

  it('that is no Unicode is refused', async () => {
    const store = await network.connect();
    await expect(store.store('\ud800', Buffer.from('x'))).rejects.toMatchObject({ code: 'INVALID_NAME' });
  });

  it('keeps its files apart from those of every other', async () => {
    const store = await network.connect();
    for (const [, name] of NAMES) expect((await store.stat(name)).sha256, name).toBe(sha256(`content of ${name}`));
    expect(keyOf(NFC)).not.toBe(keyOf(NFD));
  });

  it('leads nowhere outside a peer’s files', async () => {
    await until('every file has its place', async () => {
      const stored = await Promise.all(network.peers.map(({ storage }) => filesBelow(join(storage, 'files'))));
      return stored.flat().length === NAMES.length;
    });
    for (const { storage } of network.peers) {
      for (const path of await filesBelow(join(storage, 'files'))) expect(path).toMatch(/^[0-9a-f]{2}\/[^/]+$/);
      const others = (await filesBelow(storage)).filter((path) => !/^(?:files|catalog)\//.test(path));
      expect(others.filter((path) => path !== 'control.sock')).toEqual(['peer.key']);
    }
    expect(await strays('deep')).toEqual([]);
  });
});

describe('fetching', () => {
  it('into a directory puts every name below it, and no two at one place', async () => {
    const out = await network.directory('deep/er/out');
    // As a file, `..` would lie where the directory of `../../etc/passwd` does.
    const names = NAMES.map(([, name]) => name).filter((name) => name !== '..');
    const lines = await network.succeed('fetch-file', ['--out', out, '--', ...names]);
    expect(lines.length).toBe(names.length);
    const files = await filesBelow(out);
    const contents = await Promise.all(files.map((path) => readFile(join(out, path), 'utf8')));
    expect(contents.sort()).toEqual(names.map((name) => `content of ${name}`).sort());
    expect(files).toContain('a/b/c');
    expect(await strays('deep')).toEqual([]);
  });

  it('does not follow a link that lies in the way', async () => {
    const outside = await network.directory('deep/outside');
    const out = await network.directory('deep/linked');
    await symlink(outside, join(out, 'a'));
    const finished = await network.run('fetch-file', ['--json', '--out', `${out}/`, '--', 'a/b/c']);
    expect([finished.status, finished.json()[0]?.error.code]).toEqual([1, 'OUTPUT_EXISTS']);
    expect(await filesBelow(outside)).toEqual([]);
  });
});

describe('storing paths', () => {
  it('takes the last component as the name, a leading dash included', async () => {
    const cwd = await network.directory('deep/in');
    await writeFile(join(cwd, '-n odd.txt'), 'odd');
    const lines = await network.succeed('store-file', ['--', '-n odd.txt'], { cwd });
    expect(lines.map(({ name }) => name)).toEqual(['-n odd.txt']);
  });
});

describe('200 names with one and the same key', () => {
  it('are all kept apart', async () => {
    const names = NAMES_WITH_ONE_KEY;
    const wanted = keyOf(names[0] ?? '');
    expect(new Set(names).size).toBe(200);
    expect(new Set(names.map(keyOf))).toEqual(new Set([wanted]));
    const contents = new Map(names.map((name, i) => [name, pseudoRandom(100 + i, i)]));
    const store = await network.connect();
    const receipts = await Promise.all([...contents].map(([name, content]) => store.store(name, content)));
    expect(new Set(receipts.map(({ key }) => key))).toEqual(new Set([wanted]));
    expect(new Set(receipts.map(({ root }) => root.nodeId))).toEqual(new Set([closest(network.nodeIds, wanted)]));
    const other = await network.connect();
    await Promise.all(
      [...contents].map(async ([name, content]) => {
        const parts: Uint8Array[] = [];
        await other.fetch(name, {
          write: (pieces) => {
            parts.push(...pieces.map((piece) => piece.slice()));
            return Promise.resolve();
          },
        });
        expect(Buffer.concat(parts).equals(content), name).toBe(true);
      }),
    );
  });
});
