/**
 * What needs no network: `p2p-peer leave` as a person sees it, at a peer that is played here, and the client key.
 */

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { InterruptedError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import type { PeerControl } from '../../src/peer/control-protocol.ts';
import { ControlServer } from '../../src/peer/control-server.ts';
import { expectJsonFailure } from './failing.ts';
import { removeDirectory, temporaryDirectory } from './harness/clean-up.ts';
import { runCommand, startCommand, type Finished } from './harness/command.ts';

let dir: string;
beforeAll(async () => {
  dir = await temporaryDirectory('local');
});
afterAll(() => removeDirectory(dir));

describe('p2p-peer leave', () => {
  let peer: ControlServer;
  afterEach(() => peer.close());

  async function play(leave: PeerControl['leave']): Promise<void> {
    const never = () => Promise.reject(new Error('not asked for here'));
    const network = () => ({ discovery: [], addrs: [], parameters: '', contact: '' });
    const control = { status: never, verify: never, network, leave };
    peer = await ControlServer.start({ storage: dir, control, log: silentLog });
  }

  it('waits until the peer has left, and says how many files were handed over', async () => {
    await play((onProgress) => {
      onProgress(300, 300);
      return Promise.resolve();
    });
    const plain = await runCommand('p2p-peer', ['leave', '--storage', dir]);
    expect([plain.status, plain.stderr]).toEqual([0, 'left the network; 300 files were handed over\n']);
    const json = await runCommand('p2p-peer', ['leave', '--json', '--storage', dir]);
    expect(json.json()).toEqual([{ event: 'left', files: 300, storage: dir }]);
  });

  it('is called off by Ctrl-C: the peer is told, says that it stays, and goes on', async () => {
    const begun = Promise.withResolvers<undefined>();
    const calledOff = Promise.withResolvers<undefined>();
    await play((_onProgress, signal) => {
      begun.resolve(undefined);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          calledOff.resolve(undefined);
          reject(new InterruptedError('called off: the peer stays'));
        });
      });
    });
    const running = startCommand('p2p-peer', ['leave', '--json', '--storage', dir]);
    await begun.promise;
    process.kill(running.pid, 'SIGINT');
    await calledOff.promise;
    const [line] = expectJsonFailure(await running.end(), { status: 130, code: 'INTERRUPTED' });
    expect(line?.error.message).toBe('called off: the peer stays');
  });
});

describe('p2p-peer identity', () => {
  const identity = (args: readonly string[], person: string, stdin?: Uint8Array): Promise<Finished> => {
    const env = { P2P_CONFIG_DIR: join(dir, person) };
    return runCommand('p2p-peer', ['identity', ...args], { env, ...(stdin === undefined ? {} : { stdin }) });
  };
  const ownerOf = async (person: string): Promise<string> => {
    return (await identity(['show', '--json'], person)).json<{ owner: string }>()[0]?.owner ?? '';
  };

  it('carries a person to another machine, through a file or a pipe', async () => {
    const owner = await ownerOf('first');
    expect((await identity(['export', join(dir, 'copy')], 'first')).status).toBe(0);
    expect((await stat(join(dir, 'copy'))).mode & 0o777).toBe(0o600);
    expect((await identity(['import', join(dir, 'copy')], 'second')).status).toBe(0);
    const { stdout } = await identity(['export', '-'], 'first');
    expect(stdout.equals(await readFile(join(dir, 'copy')))).toBe(true);
    expect((await identity(['import', '-'], 'third', stdout)).status).toBe(0);
    expect([await ownerOf('second'), await ownerOf('third')]).toEqual([owner, owner]);
  });

  it('writes over nothing, and takes the place of a key only by force', async () => {
    const owner = await ownerOf('fourth');
    const made = await identity(['new', join(dir, 'robot'), '--json'], 'fourth');
    expect(made.status).toBe(0);
    expectJsonFailure(await identity(['new', join(dir, 'robot'), '--json'], 'fourth'), { status: 1, code: 'FAILED' });
    expectJsonFailure(await identity(['export', join(dir, 'robot'), '--json'], 'fourth'), {
      status: 1,
      code: 'FAILED',
    });
    const refused = await identity(['import', join(dir, 'robot')], 'fourth');
    expect([refused.status, await ownerOf('fourth')]).toEqual([1, owner]);
    expect(refused.stderr).toContain('--force');
    const forced = await identity(['import', join(dir, 'robot'), '--force', '--json'], 'fourth');
    const [result] = forced.json<{ owner: string; keptOld: string }>();
    expect([await ownerOf('fourth'), result?.owner]).toEqual([result?.owner, made.json<{ owner: string }>()[0]?.owner]);
    const shown = await identity(['show', '--json', '--identity', result?.keptOld ?? ''], 'fourth');
    expect(shown.json<{ owner: string }>()[0]?.owner).toBe(owner);
  });

  it('names the way to a key where --identity names none', async () => {
    const missing = await identity(['show', '--identity', join(dir, 'none')], 'fifth');
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain('p2p-peer identity new');
  });
});
