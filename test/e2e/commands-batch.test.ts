/** `--batch` on a network of three real peers. */

import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectFailure, expectJsonFailure } from './failing.ts';
import { Network } from './harness/network.ts';
import type { JsonLine } from './harness/command.ts';

const FILES = 200;

type Line = JsonLine & { readonly op: string; readonly line: number; readonly error: { readonly line: number } };

let network: Network;
beforeAll(async () => {
  network = await Network.start({ title: 'batch', peers: 3, discoveryArgs: ['--replicas', '1'] });
});
afterAll(() => network.close());

describe('a batch', () => {
  it('stores, fetches and removes, each name in the order of its lines', async () => {
    await writeFile(network.file('old'), 'old content');
    await writeFile(network.file('new'), 'new content');
    const jobs = Array.from({ length: FILES }, (_, index) => {
      const name = `"batch ${String(index)}"`;
      return [
        `put ${name} ${network.file('old')}`,
        `put ${name} ${network.file('new')}`,
        `get ${name} "${network.file(`got ${String(index)}`)}"`,
        ...(index % 2 === 0 ? [`rm ${name}`] : []),
      ].join('\n');
    });
    const file = network.file('jobs');
    await writeFile(file, `# many\n${jobs.join('\n')}\n`);
    const results = (await network.succeed('store-file', ['--batch', file])) as Line[];
    expect(results).toHaveLength(3.5 * FILES);
    expect(new Set(results.map(({ line }) => line)).size).toBe(results.length);
    for (let index = 0; index < FILES; index++) {
      expect(await readFile(network.file(`got ${String(index)}`), 'utf8')).toBe('new content');
    }
    const listed = await network.run('p2p-peer', ['ls', 'batch ', '--json']);
    expect(listed.json()).toHaveLength(FILES / 2);
  });

  it('comes from stdin, names the line that failed, goes on, and ends with the status of the first', async () => {
    await writeFile(network.file('some'), 'some');
    const stdin = `put some ${network.file('some')}\nget nothing ${network.file('x')}\nfrobnicate\nget some ${network.file('y')}\n`;
    const finished = await network.run('fetch-file', ['--batch', '-', '--json'], { stdin });
    expect([finished.status, finished.stderr]).toEqual([3, '']);
    const lines = finished.json<Line>();
    const failed = lines.filter((line) => 'error' in line).map(({ error }) => [error.line, error.code]);
    expect(failed.toSorted()).toEqual([
      [2, 'NOT_FOUND'],
      [3, 'USAGE'],
    ]);
    expect(await readFile(network.file('y'), 'utf8')).toBe('some');
    const plain = await network.run('fetch-file', ['--batch', '-'], { stdin: '\nget nothing /tmp/x\n' });
    expect(plain.stderr).toContain('line 2: nothing: ');
  });

  it('does not replace what is there, unless fetch-file is told to', async () => {
    await writeFile(network.file('kept'), 'kept');
    const stdin = `get some ${network.file('kept')}\n`;
    const refused = await network.run('fetch-file', ['--batch', '-', '--json'], { stdin });
    expectJsonFailure(refused, { status: 1, code: 'OUTPUT_EXISTS' });
    expect((await network.run('fetch-file', ['--batch', '-', '--overwrite'], { stdin })).status).toBe(0);
    expect(await readFile(network.file('kept'), 'utf8')).toBe('some');
  });

  it('goes with no other names, and needs a file that is there', async () => {
    await expectFailure(network, 'store-file', ['--batch', 'x', 'y'], { status: 2, code: 'USAGE' });
    await expectFailure(network, 'fetch-file', ['--batch', 'x', '-r', 'y'], { status: 2, code: 'USAGE' });
    await expectFailure(network, 'fetch-file', ['--batch', network.file('none')], { status: 1, code: 'FAILED' });
  });

  it('is ended by Ctrl-C while it waits for lines', async () => {
    const running = network.begin('store-file', ['--batch', '-', '--json']);
    running.child.stdin.write(`put waiting ${network.file('some')}\n`);
    await new Promise((resolve) => running.child.stdout.once('data', resolve));
    process.kill(running.pid, 'SIGINT');
    const finished = await running.end();
    expectJsonFailure(finished, { status: 130, code: 'INTERRUPTED' });
  });
});
