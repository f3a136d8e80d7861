import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InterruptedError, NotFoundError } from '../../src/base/errors.ts';
import { silentLog, type Log } from '../../src/base/log.ts';
import { askLeave, askNetwork, askStatus, askVerify } from '../../src/cli/control-client.ts';
import type { PeerControl, PeerStatus } from '../../src/peer/control-protocol.ts';
import { ControlServer } from '../../src/peer/control-server.ts';

const status: PeerStatus = {
  nodeId: 'a1b2',
  peerId: '12D3',
  addrs: [],
  storage: '/s',
  network: { id: 'n', name: 'p2p', replicas: 1, repairDelayMs: 1 },
  peersKnown: 1,
  leafSet: ['0000'],
  files: 1,
  tombstones: 2,
  bytes: 3,
  repair: { underWay: 0, waiting: 0, absent: [] },
  startedAtMs: 4,
  version: '0',
};
const access = { discovery: ['/ip4/127.0.0.1/tcp/1'], addrs: ['b'], parameters: '00', contact: '01' };
const report = { files: 1, bytes: 3, damaged: [], damagedFiles: 0 };

const idle: PeerControl = {
  status: () => Promise.resolve(status),
  network: () => access,
  leave: () => Promise.resolve(),
  verify: () => Promise.resolve(report),
};

const asking = () => ({ signal: new AbortController().signal });

let dir: string;
let server: ControlServer;
const serve = async (control: Partial<PeerControl> = {}, log: Log = silentLog, storage = dir): Promise<void> => {
  server = await ControlServer.start({ storage, control: { ...idle, ...control }, log });
};

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'p2p-control-'));
});
afterEach(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});

/** Sends raw text and collects what comes back until the peer ends. */
async function raw(text: string): Promise<string> {
  const socket: Socket = createConnection(join(dir, 'control.sock'));
  let answer = '';
  socket.setEncoding('utf8').on('data', (data: string) => (answer += data));
  socket.write(text);
  await once(socket, 'end');
  return answer;
}

describe('the control socket', () => {
  it('answers what it is asked, over a socket that only its user can open', async () => {
    await serve();
    expect(await askStatus(dir, asking())).toEqual(status);
    expect(await askNetwork(dir, asking())).toEqual(access);
    expect(await askVerify(dir, undefined, asking())).toEqual(report);
    await askLeave(dir, asking());
    const { mode } = await stat(join(dir, 'control.sock'));
    expect([mode & 0o777, await readdir(dir)]).toEqual([0o600, ['control.sock']]);
  });

  it('hands on what the peer refuses, with its code', async () => {
    await serve({ verify: (name) => Promise.reject(new NotFoundError(`no ${String(name)}`)) });
    await expect(askVerify(dir, 'x', asking())).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'no x' });
  });

  it('tells how far it is, and ends with the last count', async () => {
    const told: [number, number][] = [];
    await serve({
      leave: (onProgress) => {
        for (let done = 0; done <= 300; done++) onProgress(done, 300);
        return Promise.resolve();
      },
    });
    await askLeave(dir, { ...asking(), onProgress: (done, total) => told.push([done, total]) });
    expect(told.at(-1)).toEqual([300, 300]);
    expect(told.length).toBeLessThan(100);
  });

  it('calls an operation off when the command is interrupted, and the command hears what became of it', async () => {
    const begun = Promise.withResolvers<undefined>();
    await serve({
      leave: (_onProgress, signal) => {
        begun.resolve(undefined);
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new InterruptedError('called off; the peer stays')));
        });
      },
    });
    const interrupt = new AbortController();
    const leaving = askLeave(dir, { signal: interrupt.signal });
    await begun.promise;
    interrupt.abort();
    await expect(leaving).rejects.toMatchObject({ code: 'INTERRUPTED', message: 'called off; the peer stays' });
  });

  it('calls off what is under way when the peer stops, and answers it', async () => {
    const begun = Promise.withResolvers<undefined>();
    await serve({
      verify: (_name, _onProgress, signal) => {
        begun.resolve(undefined);
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
      },
    });
    const verifying = askVerify(dir, undefined, asking());
    const outcome = expect(verifying).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await begun.promise;
    await server.close();
    await outcome;
    expect(await readdir(dir)).toEqual([]);
  });

  it.each([
    ['no JSON', 'hello\n'],
    ['another version', '{"v":99,"op":"status"}\n'],
    ['an unknown operation', '{"v":1,"op":"dance"}\n'],
    ['a name that is none', '{"v":1,"op":"verify","name":7}\n'],
    ['a line without end', 'x'.repeat(100_000)],
  ])('refuses %s by name and goes on serving', async (_title, text) => {
    await serve();
    expect(await raw(text)).toContain('"BAD_MESSAGE"');
    expect(await askStatus(dir, asking())).toEqual(status);
  });

  it('takes the place of a socket that a dead process left', async () => {
    const dead = createServer().listen(join(dir, 'dead.sock'));
    await once(dead, 'listening');
    // Renamed, it is not removed when its server ends.
    await rename(join(dir, 'dead.sock'), join(dir, 'control.sock'));
    dead.close();
    await once(dead, 'close');
    server = await ControlServer.start({ storage: join(dir, 'nowhere'), control: idle, log: silentLog });
    await expect(askStatus(dir, asking())).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await serve();
    expect(await askStatus(dir, asking())).toEqual(status);
  });

  it('works at a path that is far too long for a socket', async () => {
    const storage = join(dir, ...Array.from({ length: 6 }, () => 'x'.repeat(60)));
    await mkdir(storage, { recursive: true });
    await serve({}, silentLog, storage);
    expect(await askStatus(storage, asking())).toEqual(status);
    expect(await readdir(storage)).toEqual(['control.sock']);
    await server.close();
    expect(await readdir(storage)).toEqual([]);
  });

  it('warns, and goes on without, where something else is in the way', async () => {
    await writeFile(join(dir, 'control.sock'), 'mine');
    const warnings: string[] = [];
    await serve({}, { ...silentLog, warn: (event) => warnings.push(event) });
    expect(warnings).toEqual(['no-control-socket']);
    await expect(askStatus(dir, asking())).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await server.close();
    expect(await readdir(dir)).toEqual(['control.sock']);
  });
});
