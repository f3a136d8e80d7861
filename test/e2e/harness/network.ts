/**
 * A network of real processes on 127.0.0.1: a discovery peer, peers, and commands that act as one person. Every process
 * has its own directory below one temporary one, ports are chosen by the system, and nothing of the user's is touched.
 */

import { mkdir, readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { FileStore } from '../../../src/client/file-store.ts';
import type * as library from '../../../src/lib.ts';
import { removeDirectory, temporaryDirectory } from './clean-up.ts';
import {
  environment,
  ROOT,
  runCommand,
  startCommand,
  type CommandName,
  type CommandOptions,
  type Finished,
  type RunningCommand,
} from './command.ts';
import { closest, keyOf } from './oracle.ts';
import { Service } from './service.ts';
import { until } from './until.ts';

/** Loads the bundle as it is: an import would be transformed by the test runner first. */
const load = createRequire(import.meta.url);

const ANY_PORT = '/ip4/127.0.0.1/tcp/0';
/** More starts side by side only slow each other down on a few cores. */
const STARTS_AT_ONCE = 6;

export class Peer extends Service {
  /** 1 for the first of its network. */
  readonly number: number;
  readonly storage: string;

  constructor(number: number, storage: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    super({
      command: 'p2p-peer',
      args: ['--listen', ANY_PORT, '--storage', storage, ...args],
      env,
      title: `peer ${String(number)}`,
    });
    this.number = number;
    this.storage = storage;
  }

  get nodeId(): string {
    return this.ready.nodeId;
  }

  /** Its leaf set, sorted, as it logged it last in this run. Takes `--log-level debug`. */
  get leafSet(): string[] {
    const line = [...this.runLog.matchAll(/ leaf-set nodeIds=([0-9a-f,]*)/g)].at(-1);
    return (line?.[1] ?? '').split(',').sort();
  }

  /** What lies in `incoming/`: copies that are not committed, or not in their place yet. */
  staged(): Promise<string[]> {
    return readdir(join(this.storage, 'incoming'));
  }
}

export type NetworkOptions = {
  readonly peers?: number;
  readonly title?: string;
  /** A directory to be used, and to be left to whoever made it. */
  readonly dir?: string;
  /** Copies of a file, 1 unless a test is about copies. */
  readonly replicas?: number;
  /** For `p2p-discovery start`. */
  readonly discoveryArgs?: readonly string[];
  /** For each `p2p-peer start`. */
  readonly peerArgs?: readonly string[];
};

export class Network {
  readonly dir: string;
  /** Of the person whose commands run here, unless they say otherwise. */
  readonly configDir: string;
  readonly discovery: Service;
  readonly peers: Peer[] = [];
  readonly #peerArgs: readonly string[];
  readonly #stores: FileStore[] = [];
  readonly #removesDir: boolean;

  private constructor(dir: string, options: NetworkOptions) {
    this.dir = dir;
    this.#removesDir = options.dir === undefined;
    this.configDir = join(dir, 'config');
    this.#peerArgs = options.peerArgs ?? [];
    this.discovery = new Service({
      command: 'p2p-discovery',
      args: [
        '--dir',
        join(dir, 'discovery'),
        '--replicas',
        String(options.replicas ?? 1),
        ...(options.discoveryArgs ?? []),
      ],
      env: this.#env,
      title: 'the discovery peer',
    });
  }

  static async start(options: NetworkOptions = {}): Promise<Network> {
    const dir = options.dir ?? (await temporaryDirectory(options.title ?? 'network'));
    const network = new Network(dir, options);
    try {
      await network.discovery.start(['--listen', ANY_PORT]);
      await network.addPeers(options.peers ?? 0);
      return network;
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  /** Where the discovery peer is. */
  get address(): string {
    return this.discovery.ready.addrs[0] ?? '';
  }

  get nodeIds(): string[] {
    return this.peers.filter(({ running }) => running).map(({ nodeId }) => nodeId);
  }

  get #env(): Readonly<Record<string, string>> {
    return { P2P_CONFIG_DIR: this.configDir };
  }

  /** For commands that act as this network's person, and are started by other means than its own. */
  get clientEnv(): NodeJS.ProcessEnv {
    return environment({ ...this.#env, P2P_DISCOVERY: this.address });
  }

  file(...names: readonly string[]): string {
    return join(this.dir, ...names);
  }

  /** A directory below the network's own. */
  async directory(...names: readonly string[]): Promise<string> {
    const path = this.file(...names);
    await mkdir(path, { recursive: true });
    return path;
  }

  /** A peer of this network that does not run yet. */
  newPeer(args: readonly string[] = [], storage?: string): Peer {
    const number = this.peers.length + 1;
    const all = ['--discovery', this.address, ...this.#peerArgs, ...args];
    const peer = new Peer(number, storage ?? this.file(`peer-${String(number)}`), all, this.#env);
    this.peers.push(peer);
    return peer;
  }

  async addPeer(args: readonly string[] = []): Promise<Peer> {
    const peer = this.newPeer(args);
    await peer.start();
    return peer;
  }

  /** Several at the same time. */
  async addPeers(count: number): Promise<Peer[]> {
    const added = Array.from({ length: count }, () => this.newPeer());
    const waiting = [...added];
    const starter = async (): Promise<void> => {
      for (let peer = waiting.shift(); peer !== undefined; peer = waiting.shift()) await peer.start();
    };
    await Promise.all(Array.from({ length: STARTS_AT_ONCE }, starter));
    return added;
  }

  /** The peer with this id. */
  peer(nodeId: string): Peer {
    const found = this.peers.find((peer) => peer.ready.nodeId === nodeId);
    if (found === undefined) throw new Error(`there is no peer ${nodeId}`);
    return found;
  }

  /** The peer that must hold a name, by the oracle. */
  rootOf(name: string): Peer {
    return this.peer(closest(this.nodeIds, keyOf(name)));
  }

  /** Stores through a pipe. */
  async put(name: string, content: string | Uint8Array): Promise<void> {
    await this.succeed('store-file', ['--as', name, '-'], { stdin: content });
  }

  /** Where the root keeps a file, once it is there: soon after it was acknowledged. For names that stay as they are. */
  placeOf(name: string): Promise<string> {
    const path = join(this.rootOf(name).storage, 'files', keyOf(name).slice(0, 2), name);
    return until(`${name} has its place`, async () => (await stat(path).catch(() => undefined)) && path);
  }

  /** Runs a command as this network's person. */
  run(name: CommandName, args: readonly string[], options: CommandOptions = {}): Promise<Finished> {
    return runCommand(name, args, this.#withEnv(options));
  }

  /** Starts a command as this network's person, and leaves its stdin and its end to the caller. */
  begin(name: CommandName, args: readonly string[], options: CommandOptions = {}): RunningCommand {
    return startCommand(name, args, this.#withEnv(options));
  }

  /** Runs a command with --json that must succeed. */
  async succeed(name: CommandName, args: readonly string[], options: CommandOptions = {}) {
    const finished = await this.run(name, ['--json', ...args], options);
    if (finished.status !== 0) {
      throw new Error(
        `${name} ended with status ${String(finished.status)}: ${String(finished.stdout)}${finished.stderr}`,
      );
    }
    return finished.json();
  }

  /** A client of the library, in this process. */
  async connect(configDir = this.configDir): Promise<FileStore> {
    const { connect } = load(join(ROOT, 'dist/lib.js')) as typeof library;
    const store = await connect({ discovery: this.discovery.ready.addrs, configDir });
    this.#stores.push(store);
    return store;
  }

  /** Ends everything at once and removes the directory. */
  async close(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
    await Promise.all([...this.peers, this.discovery].map((service) => service.kill()));
    if (this.#removesDir) await removeDirectory(this.dir);
  }

  #withEnv(options: CommandOptions): CommandOptions {
    return { ...options, env: { ...this.#env, P2P_DISCOVERY: this.address, ...options.env } };
  }
}
