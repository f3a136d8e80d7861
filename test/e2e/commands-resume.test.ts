/** Large fetches that are broken off and gone on with; and outputs that cannot be written. */

import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectJsonFailure } from './failing.ts';
import { runCommand, ROOT, type RunningCommand } from './harness/command.ts';
import { pseudoRandom, sha256, sha256OfFile } from './harness/content.ts';
import { Network } from './harness/network.ts';
import { until } from './harness/until.ts';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const MIB = 1024 * 1024;
const LARGE = 96 * MIB;
const GOING_ON = /going on at ([\d.]+) MiB of 96\.0 MiB/;

const run = promisify(execFile);

let network: Network;
let content: Buffer;
beforeAll(async () => {
  network = await Network.start({ title: 'resume', peers: 3, discoveryArgs: ['--replicas', '1'] });
  content = pseudoRandom(LARGE, 6);
  await writeFile(network.file('source'), content);
  await network.succeed('store-file', [network.file('source'), '--as', 'large']);
});
afterAll(() => network.close());

/** Starts a fetch and holds its root still once so much has come. */
async function beginFetch(out: string, bytes: number): Promise<RunningCommand> {
  const dir = network.file(out);
  const fetch = network.begin('fetch-file', ['large', '--out', join(dir, 'copy')]);
  await until('some of it has come', async () => (await partBytes(dir)) >= bytes);
  network.rootOf('large').halt();
  return fetch;
}

async function partBytes(dir: string): Promise<number> {
  const part = (await readdir(dir)).find((name) => name.endsWith('.part'));
  return part === undefined ? 0 : (await stat(join(dir, part))).size;
}

async function fetchAgain(out: string): Promise<string> {
  const { status, stderr } = await network.run('fetch-file', ['large', '--out', join(network.file(out), 'copy')]);
  expect(status, stderr).toBe(0);
  expect(await sha256OfFile(network.file(out, 'copy'))).toBe(sha256(content));
  expect(await readdir(network.file(out))).toEqual(['copy']);
  return stderr;
}

describe('a large fetch', () => {
  it.each(['SIGKILL', 'SIGINT'] as const)('that was ended by %s goes on where it was', async (signal) => {
    await network.directory(signal);
    const fetch = await beginFetch(signal, 20 * MIB);
    let left: number;
    try {
      process.kill(fetch.pid, signal);
      const { status } = await fetch.end();
      expect(status).toBe(signal === 'SIGINT' ? 130 : null);
      left = Math.floor((await partBytes(network.file(signal))) / MIB);
    } finally {
      network.rootOf('large').goOn();
    }
    expect(left).toBeGreaterThanOrEqual(20);
    const said = GOING_ON.exec(await fetchAgain(signal));
    expect(Number(said?.[1])).toBe(left);
  });

  it('starts anew when the file was changed meanwhile', async () => {
    const out = 'changed';
    await network.directory(out);
    const fetch = await beginFetch(out, 20 * MIB);
    try {
      process.kill(fetch.pid, 'SIGKILL');
      await fetch.end();
    } finally {
      network.rootOf('large').goOn();
    }
    content = pseudoRandom(LARGE, 7);
    await writeFile(network.file('source'), content);
    await network.succeed('store-file', [network.file('source'), '--as', 'large']);
    expect(await fetchAgain(out)).not.toMatch(GOING_ON);
  });
});

describe('an output that cannot be written', () => {
  it.runIf(process.platform === 'linux')('a full stdout is told in one line, with status 1', async () => {
    const script = `"${process.execPath}" "${join(ROOT, 'bin/fetch-file')}" large --out - > /dev/full`;
    const env = { ...network.clientEnv };
    const failed = await run('/bin/sh', ['-c', script], { env }).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: 1,
      stderr: 'fetch-file: error: cannot write to stdout: no space left on the device\n',
    });
  });

  it('a reader that goes away ends the command quietly', async () => {
    const script = `"${process.execPath}" "${join(ROOT, 'bin/fetch-file')}" large --out - | head -c 10 | wc -c`;
    const { stdout, stderr } = await run('/bin/sh', ['-c', script], { env: network.clientEnv });
    expect([stdout.trim(), stderr]).toEqual(['10', '']);
  });

  it('a missing directory is named', async () => {
    const out = network.file('missing/dir/x');
    const finished = await network.run('fetch-file', ['large', '--json', '--out', out]);
    const [line] = expectJsonFailure(finished, { status: 1, code: 'FAILED' });
    expect(line?.error.message).toContain(`there is no directory ${network.file('missing/dir')}`);
  });
});

describe('a start that cannot be', () => {
  it.runIf(process.platform === 'linux').each([
    ['p2p-peer', '--storage'],
    ['p2p-discovery', '--dir'],
  ] as const)('%s in a directory that cannot be made says so', async (command, option) => {
    const finished = await runCommand(command, [
      'start',
      '--json',
      option,
      '/proc/nothing/here',
      '--log-level',
      'silent',
    ]);
    const [line] = expectJsonFailure(finished, { status: 1, code: 'FAILED' });
    expect(line?.error.message).toContain('no directory can be made there');
  });

  it('at a port that is taken says so, with status 1, and does not speak of discovery', async () => {
    const listen = `/ip4/127.0.0.1/tcp/${String(network.discovery.port)}`;
    const args = ['start', '--listen', listen, '--storage', network.file('taken'), '--log-level', 'silent'];
    const finished = await network.run('p2p-peer', args);
    expect(finished.status).toBe(1);
    expect(finished.stderr).toContain('something else listens there already');
    expect(finished.stderr).not.toContain('discovery');
  });
});
