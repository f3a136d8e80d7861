/**
 * A network of real processes on 127.0.0.1: one discovery peer and some peers, each with a directory below one that
 * is given, and clients that keep their key beside them. Ports are chosen by the system.
 */

import { join } from 'node:path';
import type { Child } from './child.ts';
import { startCommand } from './command.ts';

const LISTEN = ['--listen', '/ip4/127.0.0.1/tcp/0'];
/** A machine that is busy with other things takes its time. */
const READY_TIMEOUT_MS = 60_000;
/** So many peers are started side by side; more only slow each other down on a few cores. */
const STARTS_AT_ONCE = 4;

type ReadyLine = { readonly nodeId: string; readonly peerId: string; readonly addrs: readonly string[] };

export type PeerProcess = {
  /** 1 for the first. */
  readonly number: number;
  readonly nodeId: string;
  readonly peerId: string;
  readonly addrs: readonly string[];
  readonly storage: string;
  readonly child: Child;
};

export class Network {
  readonly peers: PeerProcess[] = [];
  readonly #dir: string;
  readonly #discovery: Child;
  readonly #discoveryAddr: string;

  private constructor(dir: string, discovery: Child, discoveryAddr: string) {
    this.#dir = dir;
    this.#discovery = discovery;
    this.#discoveryAddr = discoveryAddr;
  }

  /** Starts the discovery peer only. */
  static async start(dir: string): Promise<Network> {
    const child = startCommand('p2p-discovery', ['start', '--json', ...LISTEN, '--dir', join(dir, 'discovery')], {
      env: commonEnv(dir),
    });
    const { addrs } = JSON.parse(await child.firstLine(READY_TIMEOUT_MS)) as ReadyLine;
    if (addrs[0] === undefined) throw child.error('listens nowhere');
    return new Network(dir, child, addrs[0]);
  }

  get discoveryAddr(): string {
    return this.#discoveryAddr;
  }

  /** For clients: where the network is, and a key of their own. */
  get clientEnv(): NodeJS.ProcessEnv {
    return { ...commonEnv(this.#dir), P2P_DISCOVERY: this.#discoveryAddr, P2P_CONFIG_DIR: this.clientDir };
  }

  get clientDir(): string {
    return join(this.#dir, 'client');
  }

  async addPeers(count: number): Promise<void> {
    let left = count;
    let next = this.peers.length + 1;
    // The first one founds the ring, the others join it.
    if (next === 1 && left > 0) {
      this.peers.push(await this.startPeer(next++));
      left--;
    }
    const worker = async () => {
      while (left-- > 0) this.peers.push(await this.startPeer(next++));
    };
    await Promise.all(Array.from({ length: STARTS_AT_ONCE }, worker));
    this.peers.sort((a, b) => a.number - b.number);
  }

  /** Starts a peer over its directory, new or not; the caller keeps the list of `peers` right. */
  async startPeer(number: number, args: readonly string[] = [], start = startCommand): Promise<PeerProcess> {
    const storage = join(this.#dir, `peer-${number}`);
    const child = start('p2p-peer', ['start', '--json', ...LISTEN, '--storage', storage, ...args], {
      env: { ...commonEnv(this.#dir), P2P_DISCOVERY: this.#discoveryAddr, P2P_CONFIG_DIR: join(this.#dir, 'config') },
    });
    const ready = JSON.parse(await child.firstLine(READY_TIMEOUT_MS)) as ReadyLine;
    return { number, nodeId: ready.nodeId, peerId: ready.peerId, addrs: ready.addrs, storage, child };
  }

  peer(nodeId: string): PeerProcess {
    const found = this.peers.find((peer) => peer.nodeId === nodeId);
    if (found === undefined) throw new Error(`there is no peer ${nodeId}`);
    return found;
  }

  get livePeers(): PeerProcess[] {
    return this.peers.filter(({ child }) => child.alive);
  }

  /** Kills a peer without warning. */
  async kill(peer: PeerProcess): Promise<void> {
    await peer.child.end('SIGKILL');
  }

  /** Starts a killed peer again and puts it in its old place. */
  async restart(peer: PeerProcess): Promise<PeerProcess> {
    const again = await this.startPeer(peer.number);
    this.peers[this.peers.indexOf(peer)] = again;
    return again;
  }

  /** Ends everything at once: nothing of it is used again. */
  async destroy(): Promise<void> {
    await Promise.all([...this.peers.map(({ child }) => child), this.#discovery].map((child) => child.end('SIGKILL')));
  }
}

/** Peers say only what goes wrong, which is kept and shown when a script fails. Compiled code is cached beside them. */
function commonEnv(dir: string): NodeJS.ProcessEnv {
  return { P2P_LOG_LEVEL: 'warn', XDG_CACHE_HOME: join(dir, 'cache') };
}
