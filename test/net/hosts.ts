/** Hosts on loopback for the tests of the network layer, with a policy that accepts the text "hello" and a log that can be looked at. */

import { generateKeyPair } from '@libp2p/crypto/keys';
import { HelloRefusedError } from '../../src/base/errors.ts';
import type { Log, LogFields } from '../../src/base/log.ts';
import type { HelloPolicy } from '../../src/net/hello.ts';
import { Host, type HostOptions } from '../../src/net/host.ts';

export type LogLine = { level: string; event: string; fields: LogFields };

export class CapturedLog implements Log {
  readonly lines: LogLine[] = [];
  debug(event: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'debug', event, fields });
  }
  info(event: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'info', event, fields });
  }
  warn(event: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'warn', event, fields });
  }
  error(event: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'error', event, fields });
  }
  codes(): unknown[] {
    return this.lines.map((line) => line.fields['code']);
  }
}

export function policy(says = 'hello'): HelloPolicy {
  return {
    greeting: () => new TextEncoder().encode(says),
    judge: (peerId, hello) => {
      const text = new TextDecoder().decode(hello);
      if (text !== 'hello') throw new HelloRefusedError(`"${text}" is no hello`);
      return { peerId, role: 'peer' };
    },
  };
}

export type TestHost = { host: Host; log: CapturedLog; target: { peerId: string; addrs: string[] } };

export class Hosts {
  readonly #hosts: Host[] = [];

  async start(options: Partial<HostOptions> = {}): Promise<TestHost> {
    const log = new CapturedLog();
    const privateKey = await generateKeyPair('Ed25519');
    const host = await Host.start({ privateKey, listen: ['/ip4/127.0.0.1/tcp/0'], policy: policy(), log, ...options });
    this.#hosts.push(host);
    return { host, log, target: { peerId: host.peerId, addrs: host.addrs() } };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#hosts.splice(0).map((host) => host.stop()));
  }
}

/** Waits for something that comes about by itself, within a deadline. */
export async function eventually(condition: () => boolean, timeoutMs = 5_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error('it did not come about');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
