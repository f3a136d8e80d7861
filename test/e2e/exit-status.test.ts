/**
 * Exit statuses of everyday: brought about on real processes, with --json and without, and what goes where.
 */

import { mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectFailure, expectJsonFailure, expectPlainFailure } from './failing.ts';
import { filesBelow, pseudoRandom, sha256 } from './harness/content.ts';
import { Network } from './harness/network.ts';
import { keyOf } from './harness/oracle.ts';

const MIB = 1024 * 1024;
const SEVERAL_CHUNKS = 3 * MIB;

let network: Network;
beforeAll(async () => {
  network = await Network.start({ title: 'status', peers: 3 });
});
afterAll(() => network.close());

describe('status 0', () => {
  it('store-file and fetch-file print nothing but JSON on stdout with --json', async () => {
    const [stored] = await network.succeed('store-file', ['--as', 'zero', '-'], { stdin: 'zero' });
    expect(Object.keys(stored ?? {}).sort()).toEqual(
      ['hops', 'key', 'ms', 'name', 'path', 'replicas', 'root', 'sha256', 'size', 'version'].sort(),
    );
    const [fetched] = await network.succeed('fetch-file', ['zero', '--out', network.file('zero')]);
    expect(Object.keys(fetched ?? {}).sort()).toEqual(
      ['from', 'hops', 'key', 'ms', 'name', 'out', 'path', 'sha256', 'size', 'version'].sort(),
    );
    expect(fetched).toMatchObject({ name: 'zero', key: keyOf('zero'), size: 4, sha256: sha256('zero') });
    expect(fetched?.version).toBe(stored?.version);
  });

  it('without --json stdout stays empty, and stderr with --quiet, too', async () => {
    const loud = await network.run('store-file', ['--as', 'loud', '-'], { stdin: 'x' });
    expect([loud.status, loud.stdout.length]).toEqual([0, 0]);
    expect(loud.stderr).toContain('stored loud');
    const quiet = await network.run('store-file', ['--quiet', '--as', 'quiet', '-'], { stdin: 'x' });
    expect([quiet.status, quiet.stdout.length, quiet.stderr]).toEqual([0, 0, '']);
  });

  it('a pipe goes in and out through - unchanged', async () => {
    const content = pseudoRandom(SEVERAL_CHUNKS + 17, 1);
    await network.put('pipe', content);
    const { status, stdout } = await network.run('fetch-file', ['pipe', '--out', '-']);
    expect([status, sha256(stdout)]).toEqual([0, sha256(content)]);
  });

  it('a directory goes in under its relative names and comes back with -r', async () => {
    const dir = await network.directory('tree');
    const contents = { 'a.txt': 'a', 'sub/b.txt': 'b', 'sub/deep/ c ': '', '-d': 'dash' };
    for (const [path, content] of Object.entries(contents)) {
      await mkdir(join(dir, path, '..'), { recursive: true });
      await writeFile(join(dir, path), content);
    }
    const names = Object.keys(contents).map((path) => `tree/${path}`);
    const stored = await network.succeed('store-file', [dir]);
    expect(stored.map(({ name }) => name).sort()).toEqual(names.toSorted());
    await network.put('tree-of-another-name', 'x');
    const out = network.file('tree-out');
    const fetched = await network.succeed('fetch-file', ['-r', 'tree/', '--out', out]);
    expect(fetched.map(({ name }) => name).sort()).toEqual(names.toSorted());
    expect((await filesBelow(out)).sort()).toEqual(names.toSorted());
    for (const [path, content] of Object.entries(contents)) {
      expect(await readFile(join(out, 'tree', path), 'utf8'), path).toBe(content);
    }
  });

  it('--overwrite replaces what is there, and an overwritten name has the new content', async () => {
    const out = network.file('overwritten');
    for (const content of ['first', 'second, longer', '3']) {
      await network.put('twice', content);
      await network.succeed('fetch-file', ['twice', '--out', out, '--overwrite']);
      expect(await readFile(out, 'utf8')).toBe(content);
    }
  });

  it('a peer and a discovery peer that are told to stop end with it', async () => {
    const other = await Network.start({ title: 'stop', peers: 1 });
    try {
      expect(await other.peers[0]?.stop()).toEqual({ status: 0, signal: null });
      expect(await other.discovery.stop()).toEqual({ status: 0, signal: null });
    } finally {
      await other.close();
    }
  });
});

describe('status 1', () => {
  it('fetch-file does not replace what is there', async () => {
    await network.put('one', 'new');
    const out = network.file('one');
    await writeFile(out, 'old');
    await expectFailure(network, 'fetch-file', ['one', '--out', out], { status: 1, code: 'OUTPUT_EXISTS' });
    expect(await readFile(out, 'utf8')).toBe('old');
  });

  it('store-file names the path that is not there', async () => {
    const [line] = await expectFailure(network, 'store-file', [network.file('nowhere')], { status: 1, code: 'FAILED' });
    expect(line?.error.message).toContain(network.file('nowhere'));
  });
});

describe('status 2', () => {
  it.each([
    ['store-file', []],
    ['store-file', ['-']],
    ['store-file', ['a', 'b', '--as', 'c']],
    ['store-file', ['a', '--replicas', '0']],
    ['store-file', ['a', '--wait', 'some']],
    ['store-file', ['a', '--unknown']],
    ['fetch-file', []],
    ['fetch-file', ['a', 'a']],
  ] as const)('%s %j', async (command, args) => {
    await expectFailure(network, command, args, { status: 2, code: 'USAGE' });
  });

  it('more replicas than the network can have', async () => {
    const args = ['--replicas', '60', '--as', 'many', '-'];
    await expectFailure(network, 'store-file', args, { status: 2, code: 'USAGE' }, { stdin: 'x' });
  });

  it('fetch-file with --json and --out - at once', async () => {
    const finished = await network.run('fetch-file', ['--json', '--out', '-', 'zero']);
    expectJsonFailure(finished, { status: 2, code: 'USAGE' });
  });

  it('an address that is none', async () => {
    const options = { env: { P2P_DISCOVERY: 'example.org:4100' } };
    await expectFailure(network, 'fetch-file', ['zero'], { status: 2, code: 'USAGE' }, options);
  });

  it('a peer or discovery peer that is asked for nonsense', async () => {
    for (const [command, args] of [
      ['p2p-peer', ['start', '--json', '--unknown']],
      ['p2p-peer', ['begin', '--json']],
      ['p2p-discovery', ['start', '--json', '--replicas', 'many', '--dir', network.file('never')]],
      ['p2p-discovery', ['start', '--json', '--dir', network.file('never'), '--listen', 'here']],
    ] as const) {
      expectJsonFailure(await network.run(command, args), { status: 2, code: 'USAGE' });
    }
  });
});

describe('status 3', () => {
  it('a name that was never stored', async () => {
    const out = network.file('missing');
    await expectFailure(network, 'fetch-file', ['missing', '--out', out], { status: 3, code: 'NOT_FOUND' });
    await expectFailure(network, 'fetch-file', ['-r', 'missing', '--out', out], { status: 3, code: 'NOT_FOUND' });
    expect(await filesBelow(network.dir)).not.toContain('missing');
  });

  it('one of several: the others come all the same', async () => {
    await network.put('there', 'there');
    const out = await network.directory('some-missing');
    const args = ['missing', 'there', '--out', out, '--overwrite'];
    const lines = await expectFailure(network, 'fetch-file', args, { status: 3, code: 'NOT_FOUND' });
    expect(lines.map((line) => line.name ?? line.error.name).sort()).toEqual(['missing', 'there']);
    expect(await filesBelow(out)).toEqual(['there']);
  });

  it('a name that was removed', async () => {
    await network.put('removed', 'x');
    const store = await network.connect();
    await store.remove('removed');
    await expectFailure(network, 'fetch-file', ['removed', '--out', '/dev/null'], { status: 3, code: 'NOT_FOUND' });
  });
});

describe('status 4', () => {
  it('more copies are waited for than can be kept; nothing is changed', async () => {
    const args = ['--replicas', '8', '--wait', 'all', '--as', 'copies', '-'];
    await expectFailure(network, 'store-file', args, { status: 4, code: 'TOO_FEW_REPLICAS' }, { stdin: 'x' });
    await expectFailure(network, 'fetch-file', ['copies'], { status: 3, code: 'NOT_FOUND' });
  });
});

describe('status 5', () => {
  it.each([
    ['the only chunk', 'damaged-1', 1000, 500, 0],
    ['the last of several', 'damaged-3', SEVERAL_CHUNKS, SEVERAL_CHUNKS - 1, 2 * MIB],
  ])('a byte was changed in %s: no wrong byte is handed on', async (_title, name, size, at, goodBytes) => {
    const content = pseudoRandom(size, 5);
    await network.put(name, content);
    const file = await open(await network.placeOf(name), 'r+');
    await file.write(Buffer.of((content[at] ?? 0) ^ 1), 0, 1, at);
    await file.close();
    const out = await network.directory(`out-${name}`);
    const args = [name, '--out', join(out, 'copy')];
    await expectFailure(network, 'fetch-file', args, { status: 5, code: 'CONTENT_CORRUPT' });
    expect(await filesBelow(out)).toEqual([]);
    const piped = await network.run('fetch-file', [name, '--out', '-']);
    expectPlainFailure('fetch-file', piped, { status: 5, code: 'CONTENT_CORRUPT' });
    expect(piped.stdout.equals(content.subarray(0, goodBytes))).toBe(true);
  });

  it('a file that is cut short, or gone', async () => {
    for (const damage of [(path: string) => truncate(path, 3), (path: string) => truncate(path, 0)]) {
      await network.put('cut', 'content');
      await damage(await network.placeOf('cut'));
      const args = ['cut', '--out', network.file('cut')];
      await expectFailure(network, 'fetch-file', args, { status: 5, code: 'CONTENT_CORRUPT' });
    }
  });
});
