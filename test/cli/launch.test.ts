/** The launchers of bin/, in a copy beside a bundle made up for the test. An older Node is one that says it is. */

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const BIN = join(import.meta.dirname, '../../bin');
const OLD_NODE = "Object.defineProperty(process.versions, 'node', { value: '20.19.0' });";
const BUNDLE = `
process.on('SIGTERM', () => process.exit(5));
if (process.argv[2] === 'wait') setInterval(() => {}, 1000);
console.log('running', ...process.argv.slice(2));
if (process.argv[2] === 'fail') process.exit(7);
`;

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'p2p-launch-'));
  await cp(BIN, join(dir, 'bin'), { recursive: true });
  await mkdir(join(dir, 'dist'));
  await writeFile(join(dir, 'package.json'), '{ "type": "module" }');
  await writeFile(join(dir, 'dist/p2p-peer.js'), BUNDLE);
  await writeFile(join(dir, 'old-node.cjs'), OLD_NODE);
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

type Launched = ChildProcessByStdio<null, Readable, Readable>;

function launch(args: readonly string[], options: { oldNode: boolean }): Launched {
  const preload = options.oldNode ? ['--require', join(dir, 'old-node.cjs')] : [];
  return spawn(process.execPath, [...preload, join(dir, 'bin/p2p-peer'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_CACHE_HOME: join(dir, 'cache') },
  });
}

async function outcome(child: Launched): Promise<{ status: number | null; out: string; err: string }> {
  const [out, err] = [text(child.stdout), text(child.stderr)];
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, out: await out, err: await err };
}

async function installOwnNode(): Promise<void> {
  await mkdir(join(dir, 'node_modules/node/bin'), { recursive: true });
  await symlink(process.execPath, join(dir, 'node_modules/node/bin/node'));
}

describe('a launcher', () => {
  it('runs the bundle and passes its arguments and exit status on', async () => {
    const { status, out } = await outcome(launch(['fail', 'a b'], { oldNode: false }));
    expect([status, out]).toEqual([7, 'running fail a b\n']);
  });

  it('says how to build where there is no bundle', async () => {
    await rm(join(dir, 'dist'), { recursive: true });
    const { status, err } = await outcome(launch([], { oldNode: false }));
    expect(status).toBe(1);
    expect(err).toContain('npm run build');
  });

  it('says what to install where Node is too old', async () => {
    const { status, err, out } = await outcome(launch([], { oldNode: true }));
    expect([status, out]).toEqual([1, '']);
    expect(err).toContain('needs Node.js 22.12 or newer; this is 20.19.0');
  });

  it("runs under the project's own Node where the machine's is too old", async () => {
    await installOwnNode();
    const { status, out } = await outcome(launch(['fail', 'a b'], { oldNode: true }));
    expect([status, out]).toEqual([7, 'running fail a b\n']);
  });

  it('passes signals on to the own Node', async () => {
    await installOwnNode();
    const child = launch(['wait'], { oldNode: true });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect((await outcome(child)).status).toBe(5);
  });

  it('leaves nothing running under the own Node when it is killed', async () => {
    await installOwnNode();
    const child = launch(['wait'], { oldNode: true });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    // Its output ends only when every process that inherited it has ended.
    expect((await outcome(child)).status).toBe(null);
  });
});
