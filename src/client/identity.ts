/**
 * What a person's clients keep between runs, in one directory: the key that signs their files, made on first use, and
 * the id of each network by the address at which it was first met, so that another one that answers there is noticed.
 */

import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { fromHex, toHex } from '../base/bytes.ts';
import { StoreError } from '../base/errors.ts';
import { readOrCreateKeyFile } from '../store/key-file.ts';
import { reasonOf } from './source.ts';

const KEY_FILE = 'client.key';
const NETWORKS_FILE = 'known-networks.json';

/** The environment's P2P_CONFIG_DIR, else the place that the XDG base directory specification names. */
export function defaultConfigDir(): string {
  const { P2P_CONFIG_DIR: chosen, XDG_CONFIG_HOME: base } = process.env;
  if (chosen !== undefined && chosen !== '') return chosen;
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.config'), 'p2p-file-store');
}

export class Identity {
  readonly key: PrivateKey;
  readonly #dir: string;
  readonly #networks: Map<string, string>;

  private constructor(dir: string, key: PrivateKey, networks: Map<string, string>) {
    this.#dir = dir;
    this.key = key;
    this.#networks = networks;
  }

  /** Makes the directory and the key where there are none. @throws StoreError when it cannot */
  static async open(dir: string): Promise<Identity> {
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new StoreError(
        'FAILED',
        `cannot make ${dir}: ${reasonOf(cause)}. Set P2P_CONFIG_DIR to a place that can be written.`,
        cause,
      );
    }
    const bytes = await readOrCreateKeyFile(join(dir, KEY_FILE), async () =>
      privateKeyToProtobuf(await generateKeyPair('Ed25519')),
    );
    return new Identity(dir, privateKeyFromProtobuf(bytes), await readNetworks(join(dir, NETWORKS_FILE)));
  }

  /** The network that was met at this address before. */
  networkAt(addr: string): Uint8Array | undefined {
    return fromHex(this.#networks.get(addr) ?? '-');
  }

  /** The remedy for people whose network really was made anew. */
  get networksFile(): string {
    return join(this.#dir, NETWORKS_FILE);
  }

  async remember(addr: string, networkId: Uint8Array): Promise<void> {
    const hex = toHex(networkId);
    if (this.#networks.get(addr) === hex) return;
    // Other clients may have written meanwhile; what they learned is kept.
    for (const [known, id] of await readNetworks(this.networksFile)) this.#networks.set(known, id);
    this.#networks.set(addr, hex);
    const temporary = `${this.networksFile}.${randomBytes(6).toString('hex')}`;
    await writeFile(temporary, `${JSON.stringify(Object.fromEntries(this.#networks), null, 2)}\n`, { mode: 0o600 });
    await rename(temporary, this.networksFile);
  }
}

async function readNetworks(path: string): Promise<Map<string, string>> {
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
  const entries = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : [];
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
