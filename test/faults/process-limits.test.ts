/**
 * A peer that is not alone with its directory, or has too few file descriptors.
 */

import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pseudoRandom } from '../e2e/harness/content.ts';
import { expectJsonFailure } from '../e2e/failing.ts';
import { fetched, type LonePeer, startLonePeer } from './harness/lone-peer.ts';
import { describeFaults } from './harness/machine.ts';

/** Above what the peer has open when all clients are connected to it: enough for one transfer, not for all of them. */
const DESCRIPTORS_LEFT = 3;
const CLIENTS = 12;
const FILES_EACH = 5;
const BYTES = 300_000;
const DESCRIPTORS_ENOUGH = 1024;

let lone: LonePeer;
beforeAll(async () => {
  lone = await startLonePeer('limits', { peerArgs: ['--log-level', 'debug'] });
});
afterAll(() => lone.network.close());

describeFaults('a second process on one directory', [], () => {
  it('refuses with words, and leaves the first one to its work', async () => {
    const { network, peer } = lone;
    const args = ['start', '--json', '--log-level', 'silent', '--storage', peer.storage];
    const [line] = expectJsonFailure(await network.run('p2p-peer', args), { status: 1, code: 'STORAGE_LOCKED' });
    expect(line?.error.message).toMatch(/in use by another process/);
    await network.put('still', 'there');
    expect((await fetched(network, 'still')).toString()).toBe('there');
  });
});

describeFaults('too few file descriptors', ['prlimit'], () => {
  function limitDescriptors(pid: number, count: number): void {
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${String(count)}:`]);
  }

  it('hold stores up; none is lost that was acknowledged, and with more of them all is well again', async () => {
    const { network, peer } = lone;
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, client) => network.connect(network.file(`client ${String(client)}`))),
    );
    // From here on each is connected.
    await Promise.all(clients.map((client) => client.lookup('anything')));
    const open = (await readdir(`/proc/${String(peer.pid)}/fd`)).length;
    limitDescriptors(peer.pid, open + DESCRIPTORS_LEFT);
    const acknowledged = new Map<string, Buffer>();
    const stores = clients.flatMap((client, index) =>
      Array.from({ length: FILES_EACH }, async (_, i) => {
        const name = `file ${String(i)} of ${String(index)}`;
        const content = pseudoRandom(BYTES, index * FILES_EACH + i);
        await client.store(name, content);
        acknowledged.set(name, content);
      }),
    );
    const outcomes = await Promise.allSettled(stores);
    expect(peer.logged('too many open files')).toBeGreaterThan(0);
    expect(peer.running).toBe(true);
    limitDescriptors(peer.pid, DESCRIPTORS_ENOUGH);
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
    for (const { reason } of failures) expect((reason as { code: string }).code).toMatch(/BUSY|UNREACHABLE/);
    expect(acknowledged.size).toBeGreaterThan(0);
    for (const [name, content] of acknowledged) {
      expect((await fetched(network, name)).equals(content), name).toBe(true);
    }
    await network.put('afterwards', 'taken');
    expect(await peer.staged()).toEqual([]);
  });
});
