/** A discovery peer and hosts that talk to it, on loopback, and what cleans them up after each test. */

import { generateKeyPair } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { Log } from '../../src/base/log.ts';
import { seededRandom } from '../../src/base/random.ts';
import { DiscoveryClient } from '../../src/discovery/discovery-client.ts';
import { startDiscovery, type DiscoveryOptions, type RunningDiscovery } from '../../src/discovery/discovery-server.ts';
import { NetworkPolicy, type KnownNetwork } from '../../src/discovery/hello-policy.ts';
import type { PresenceTiming } from '../../src/discovery/presence-timing.ts';
import { Host } from '../../src/net/host.ts';

export const LISTEN = ['/ip4/127.0.0.1/tcp/0'];
export const WAIT = { timeoutMs: 10_000 };

const cleanups: (() => Promise<unknown>)[] = [];

export function cleanUp(cleanup: () => Promise<unknown>): void {
  cleanups.push(cleanup);
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export type LoggedLine = { readonly event: string; readonly fields: Readonly<Record<string, unknown>> };

/** A log that keeps its lines. */
export function keptLog(): Log & { readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = [];
  const keep = (event: string, fields = {}) => {
    lines.push({ event, fields });
  };
  return { lines, debug: keep, info: keep, warn: keep, error: keep };
}

export async function makeDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'p2p-discovery-'));
  cleanUp(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export async function discover(options: Partial<DiscoveryOptions> = {}): Promise<RunningDiscovery> {
  const dir = options.dir ?? (await makeDir());
  const running = await startDiscovery({ listen: LISTEN, log: keptLog(), ...options, dir });
  cleanUp(() => running.stop());
  return running;
}

export type Participant = {
  readonly key: PrivateKey;
  readonly host: Host;
  readonly policy: NetworkPolicy;
  readonly client: DiscoveryClient;
};

export type ParticipantOptions = {
  readonly role?: 'peer' | 'client';
  readonly key?: PrivateKey;
  readonly network?: KnownNetwork | undefined;
  readonly certificate?: Uint8Array | undefined;
  readonly timing?: Partial<PresenceTiming>;
  readonly log?: Log;
};

/** A host that knows these discovery addresses. */
export async function participant(addrs: readonly string[], options: ParticipantOptions = {}): Promise<Participant> {
  const { role = 'peer', network, certificate, timing = {} } = options;
  const key = options.key ?? (await generateKeyPair('Ed25519'));
  const log = options.log ?? keptLog();
  const started: Host[] = [];
  const policy = new NetworkPolicy({ role, network, certificate, addrs: () => started[0]?.addrs() ?? [] });
  const host = await Host.start({ privateKey: key, listen: role === 'peer' ? LISTEN : [], policy, log });
  started.push(host);
  cleanUp(() => host.stop());
  const client = new DiscoveryClient({ host, policy, addrs, random: seededRandom(1), log, timing });
  return { key, host, policy, client };
}

/** A peer that is a member. */
export async function member(addrs: readonly string[], options: ParticipantOptions = {}): Promise<Participant> {
  const joining = await participant(addrs, options);
  await joining.client.register({}, WAIT);
  return joining;
}

/** Subscribes, resolves once the peer is present, and hands every notice on. */
export function present(
  joined: Participant,
  onArrived: (peerIds: string[]) => void = () => {},
): Promise<{ end: () => Promise<void> }> {
  const ending = new AbortController();
  return new Promise((resolve, reject) => {
    const over = joined.client.subscribe(({ arrived }) => {
      onArrived(arrived.map(({ peerId }) => peerId));
      resolve({ end });
    }, ending.signal);
    const end = async () => {
      ending.abort();
      await over;
    };
    over.catch(reject);
    cleanUp(() => end().catch(() => {}));
  });
}

/** Polls until it holds; the test's own timeout bounds it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}
