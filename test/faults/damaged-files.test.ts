/**
 * Files that somebody or something changed on the disk of a running peer, or lost, or put back from an old copy: wrong
 * bytes are never handed on, the rest is served, and the name can be stored anew.
 */

import { cp, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keyOf } from '../e2e/harness/oracle.ts';
import { pseudoRandom } from '../e2e/harness/content.ts';
import { until } from '../e2e/harness/until.ts';
import { expectJsonFailure } from '../e2e/failing.ts';
import { fetched, type LonePeer, startLonePeer } from './harness/lone-peer.ts';
import { describeFaults } from './harness/machine.ts';

const MIB = 1024 * 1024;
const SIZE = 3 * MIB + 1;
const DAMAGED = { status: 5, code: 'CONTENT_CORRUPT' };

let lone: LonePeer;
beforeAll(async () => {
  lone = await startLonePeer('damaged');
});
afterAll(() => lone.network.close());

function contentOf(name: string, version = 1): Buffer {
  return pseudoRandom(SIZE, parseInt(keyOf(name), 16) + version);
}

/** @returns where its file lies */
async function put(name: string, version = 1): Promise<string> {
  await lone.network.put(name, contentOf(name, version));
  return lone.network.placeOf(name);
}

async function expectServed(name: string, version = 1): Promise<void> {
  expect((await fetched(lone.network, name)).equals(contentOf(name, version))).toBe(true);
}

/** Nothing of it arrives, neither in a file nor at the end of a pipe; what arrives before the damage is right. */
async function expectNotServed(name: string): Promise<void> {
  const out = lone.network.file('out');
  expectJsonFailure(await lone.network.run('fetch-file', ['--json', name, '--out', out]), DAMAGED);
  await expect(stat(out)).rejects.toMatchObject({ code: 'ENOENT' });
  const { status, stdout } = await lone.network.run('fetch-file', [name, '--out', '-']);
  expect(status).toBe(DAMAGED.status);
  expect(stdout.equals(contentOf(name).subarray(0, stdout.length))).toBe(true);
}

/** A name whose file is damaged is as good as new once it is stored again; the peer serves others all the while. */
async function expectMended(name: string): Promise<void> {
  await expectServed('bystander');
  await put(name, 2);
  await expectServed(name, 2);
}

describeFaults('a file on the disk of a running peer', [], () => {
  beforeAll(async () => {
    await put('bystander');
  });

  it.each([
    ['first', 0],
    ['middle', MIB],
    ['last', SIZE - 1],
  ])('of which the %s byte is flipped is never served', async (which, at) => {
    const name = `flipped ${which}`;
    const path = await put(name);
    const bytes = await readFile(path);
    const { atime, mtime } = await stat(path);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    await writeFile(path, bytes);
    // As a disk does it: nothing but the content gives it away.
    await utimes(path, atime, mtime);
    await expectNotServed(name);
    await expectMended(name);
  });

  it.each([
    ['to nothing', 0],
    ['in the middle', MIB + 7],
    ['by a byte', SIZE - 1],
  ])('that is truncated %s is never served', async (how, length) => {
    const name = `truncated ${how}`;
    await truncate(await put(name), length);
    await expectNotServed(name);
    await expectMended(name);
  });

  it('that has grown is never served', async () => {
    await truncate(await put('grown'), SIZE + 1);
    await expectNotServed('grown');
    await expectMended('grown');
  });

  it('that is swapped for another one is never served', async () => {
    const [one, other] = [await put('one'), await put('other')];
    await rename(one, `${one}.swap`);
    await rename(other, one);
    await rename(`${one}.swap`, other);
    await expectNotServed('one');
    await expectNotServed('other');
    await expectMended('one');
    await expectMended('other');
  });

  it('that is gone, its directory as well, is said to be damaged, and can be stored anew', async () => {
    const path = await put('gone');
    await rm(path.slice(0, path.lastIndexOf('/')), { recursive: true });
    await expectNotServed('gone');
    await expectMended('gone');
  });
});

describeFaults('a storage directory', [], () => {
  it('that is lost makes an empty peer, which is known again and takes files', async () => {
    const { network, peer } = lone;
    await put('before the loss');
    await peer.kill();
    await rm(peer.storage, { recursive: true });
    await peer.start();
    // Clients may know the peer of before for a moment.
    await until('it is answered for', async () => {
      const { status } = await network.run('fetch-file', ['before the loss', '--out', network.file('lost')]);
      return status === 3;
    });
    await network.put('before the loss', contentOf('before the loss'));
    await expectServed('before the loss');
  });

  it('that is put back from an old copy serves that state, whole', async () => {
    const { network, peer } = lone;
    await put('changed');
    await put('removed later');
    await peer.stop();
    const copy = network.file('old copy');
    await cp(peer.storage, copy, { recursive: true });
    await peer.start();
    const store = await network.connect();
    await until('the peer is found again', () => put('changed', 2).catch(() => false as const));
    await store.remove('removed later');
    await put('made later');
    await peer.kill();
    await rm(peer.storage, { recursive: true });
    await cp(copy, peer.storage, { recursive: true });
    await peer.start();
    await until('the peer is found again', () =>
      expectServed('changed').then(
        () => true,
        () => false,
      ),
    );
    await expectServed('removed later');
    expectJsonFailure(await network.run('fetch-file', ['--json', 'made later', '--out', network.file('none')]), {
      status: 3,
      code: 'NOT_FOUND',
    });
    await put('changed', 3);
    await expectServed('changed', 3);
  });
});
