/**
 * What a person's clients keep between runs, in one directory: the key that signs their files, made on first use, and
 * for each discovery address the network that was first met there (so that another one that answers is noticed) with
 * some of its peers (so that files are within reach while the discovery peer is not), and how far large uploads have come.
 */

import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { PrivateKey } from '@libp2p/interface';
import { fromHex, toHex } from '../base/bytes.ts';
import { StoreError } from '../base/errors.ts';
import { loadOrMakeKey } from '../store/key-file.ts';
import { openKeyFile } from './key-files.ts';
import { makeDirectory } from './make-directory.ts';
import { reasonOf } from './source.ts';

const KEY_FILE = 'client.key';
const UPLOADS_DIRECTORY = 'uploads';
const NETWORKS_FILE = 'known-networks.json';

/** The environment's P2P_CONFIG_DIR, else the place that the XDG base directory specification names. */
export function defaultConfigDir(): string {
  const { P2P_CONFIG_DIR: chosen, XDG_CONFIG_HOME: base } = process.env;
  if (chosen !== undefined && chosen !== '') return chosen;
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.config'), 'p2p-file-store');
}

/** Where a person's own key lies. */
export function keyFileIn(configDir: string): string {
  return join(configDir, KEY_FILE);
}

export type RememberedNetwork = {
  /** The signed parameters, from which the network's id follows. */
  readonly parameters: Uint8Array;
  /** Contacts as bytes. */
  readonly peers: readonly Uint8Array[];
};

export class Identity {
  readonly key: PrivateKey;
  readonly #dir: string;

  private constructor(dir: string, key: PrivateKey) {
    this.#dir = dir;
    this.key = key;
  }

  /**
   * Makes the directory where there is none, and the key in it where no other file is named.
   *
   * @param keyFile a key elsewhere, which must be there
   * @throws StoreError when the directory cannot be made, or as `openKeyFile`
   */
  static async open(dir: string, keyFile?: string): Promise<Identity> {
    try {
      await makeDirectory(dir, { mode: 0o700 });
    } catch (cause) {
      throw new StoreError(
        'FAILED',
        `cannot make ${dir}: ${reasonOf(cause)}. Set P2P_CONFIG_DIR to a place that can be written.`,
        cause,
      );
    }
    const key = keyFile === undefined ? await loadOrMakeKey(keyFileIn(dir)) : await openKeyFile(keyFile);
    return new Identity(dir, key);
  }

  /** What is remembered of the network at one of these addresses. @throws StoreError when the file is damaged */
  async recall(addrs: readonly string[]): Promise<RememberedNetwork | undefined> {
    const networks = await readNetworks(this.networksFile);
    return addrs.map((addr) => networks.get(addr)).find((network) => network !== undefined);
  }

  /** Where `remember` writes: to be deleted by people whose network really was made anew. */
  get networksFile(): string {
    return join(this.#dir, NETWORKS_FILE);
  }

  /** Made when it is needed. */
  get uploadsDir(): string {
    return join(this.#dir, UPLOADS_DIRECTORY);
  }

  async remember(addrs: readonly string[], network: RememberedNetwork): Promise<void> {
    // Read again: other clients may have written meanwhile, and what they learned is kept.
    const networks = await readNetworks(this.networksFile);
    for (const addr of addrs) networks.set(addr, network);
    const text = JSON.stringify(Object.fromEntries([...networks].map(([addr, kept]) => [addr, toJson(kept)])), null, 2);
    const temporary = `${this.networksFile}.${randomBytes(6).toString('hex')}`;
    await writeFile(temporary, `${text}\n`, { mode: 0o600 });
    await rename(temporary, this.networksFile);
  }
}

function toJson({ parameters, peers }: RememberedNetwork): { parameters: string; peers: string[] } {
  return { parameters: toHex(parameters), peers: peers.map(toHex) };
}

/** Undefined for what is none; its signature is checked by whoever uses it. */
function fromJson(value: unknown): RememberedNetwork | undefined {
  if (typeof value !== 'object' || value === null || !('parameters' in value) || !('peers' in value)) return undefined;
  const bytesOf = (hex: unknown) => (typeof hex === 'string' ? fromHex(hex) : undefined);
  const parameters = bytesOf(value.parameters);
  if (parameters === undefined || !Array.isArray(value.peers)) return undefined;
  return { parameters, peers: value.peers.map(bytesOf).filter((bytes) => bytes !== undefined) };
}

async function readNetworks(path: string): Promise<Map<string, RememberedNetwork>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map();
    throw new StoreError('FAILED', `cannot read ${path}: ${reasonOf(error)}`, error);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new StoreError('FAILED', `${path} is damaged; delete it to learn the networks anew`, error);
  }
  const networks = new Map<string, RememberedNetwork>();
  for (const [addr, value] of Object.entries(parsed ?? {})) {
    const network = fromJson(value);
    if (network !== undefined) networks.set(addr, network);
  }
  return networks;
}
