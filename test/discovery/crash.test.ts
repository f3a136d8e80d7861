import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { StoreError } from '../../src/base/errors.ts';
import { seededRandom } from '../../src/base/random.ts';
import { DiscoveryClient } from '../../src/discovery/discovery-client.ts';
import type { RegisteredAnswer } from '../../src/wire/discovery.ts';
import { cleanUp, keptLog, LISTEN, makeDir, participant, WAIT, type Participant } from './network.ts';

const ROUNDS = 3;
const PEERS = 5;
/** Answers after which each round is cut off, in the midst of further registrations. */
const ANSWERS_BEFORE_KILL = [1, 6, 13];

type Running = { readonly child: ChildProcess; readonly addrs: readonly string[] };

/** The discovery peer as one file, which starts several times faster than its sources. Returns where it lies. */
async function bundle(): Promise<string> {
  const dir = await makeDir();
  const root = join(import.meta.dirname, '../..');
  // Where the one package that cannot be bundled is found.
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'));
  const outfile = join(dir, 'discovery-process.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'discovery-process.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.12',
    external: ['classic-level'],
    banner: { js: "import{createRequire as __r}from'node:module';const require=__r(import.meta.url);" },
  });
  return outfile;
}

async function launch(script: string, dir: string): Promise<Running> {
  const child = spawn(process.execPath, [script, dir, LISTEN[0] ?? ''], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanUp(() => kill(child));
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, addrs: JSON.parse(line) as string[] };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

function clientFor({ host, policy }: Participant, addrs: readonly string[]): DiscoveryClient {
  return new DiscoveryClient({ host, policy, addrs, random: seededRandom(1), log: keptLog() });
}

/** Registers again and again until the discovery peer is gone. */
async function registerUntilGone(client: DiscoveryClient, onAnswer: (answer: RegisteredAnswer) => void): Promise<void> {
  try {
    for (;;) onAnswer(await client.register({}, WAIT));
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'UNREACHABLE') throw error;
  }
}

describe('a discovery peer that is killed in the midst of registrations', () => {
  it('gives no id to two peers, keeps the ids given, and issues no epoch or serial twice', async () => {
    const script = await bundle();
    const dir = await makeDir();
    const idOf = new Map<string, number>();
    const holderOf = new Map<number, string>();
    const listOf = new Map<number, string>();
    const serials = new Set<number>();
    const note = ({ certificate, memberList, signed }: RegisteredAnswer) => {
      const { peerId, nodeId, serial } = certificate;
      expect(idOf.get(peerId) ?? nodeId).toBe(nodeId);
      expect(holderOf.get(nodeId) ?? peerId).toBe(peerId);
      idOf.set(peerId, nodeId);
      holderOf.set(nodeId, peerId);
      expect(serials).not.toContain(serial);
      serials.add(serial);
      const bytes = toHex(signed.memberList);
      expect(listOf.get(memberList.epoch) ?? bytes).toBe(bytes);
      listOf.set(memberList.epoch, bytes);
    };

    const everybody: Participant[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { child, addrs } = await launch(script, dir);
      for (let i = 0; i < PEERS; i++) everybody.push(await participant(addrs));
      const clients = everybody.map((peer) => clientFor(peer, addrs));
      let answers = 0;
      const over = clients.map((client) =>
        registerUntilGone(client, (answer) => {
          note(answer);
          if (++answers === ANSWERS_BEFORE_KILL[round]) child.kill('SIGKILL');
        }),
      );
      await Promise.all(over);
      expect(answers).toBeGreaterThanOrEqual(ANSWERS_BEFORE_KILL[round] ?? 1);
    }

    const { child, addrs } = await launch(script, dir);
    for (const peer of everybody) note(await clientFor(peer, addrs).register({}, WAIT));
    const list = (await clientFor(everybody[0] as Participant, addrs).members(WAIT)).memberList;
    expect(new Map(list.members.map(({ peerId, nodeId }) => [peerId, nodeId]))).toEqual(idOf);
    expect(new Set(idOf.values()).size).toBe(ROUNDS * PEERS);
    await kill(child);
  });
});
