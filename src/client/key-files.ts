/**
 * Key files that a person names: to act with, to carry to another machine, to bring back. A key is whoever holds it, so a
 * file that others can read is refused, and no key is ever written over.
 */

import { randomBytes } from 'node:crypto';
import { link, lstat, open, realpath, rename, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { StoreError, UsageError } from '../base/errors.ts';
import { loadKey } from '../store/key-file.ts';
import { reasonOf } from './source.ts';

const KEY_FILE_MODE = 0o600;
const OTHERS_MODE_BITS = 0o077;

/** The PeerId under which the holder of a key owns files. */
export function ownerOf(key: PrivateKey): string {
  return peerIdFromPrivateKey(key).toString();
}

/**
 * The key in a file that was named.
 *
 * @throws StoreError when it is not there, when others can read it, or when it holds no key
 */
export async function openKeyFile(path: string): Promise<PrivateKey> {
  // A person may keep keys behind links; what counts is the file itself.
  const file = await realpath(path).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) throw noKeyFile(path, error);
    throw new StoreError('FAILED', `cannot read the key file ${path}: ${reasonOf(error)}`, error);
  });
  const { mode } = await lstat(file);
  if ((mode & OTHERS_MODE_BITS) !== 0) {
    throw new StoreError(
      'FAILED',
      `others can read the key file ${path}: if nobody has, run \`chmod 600 ${path}\`; else make a new key`,
    );
  }
  const key = await loadKey(file);
  if (key === undefined) throw noKeyFile(path);
  return key;
}

function noKeyFile(path: string, cause?: unknown): StoreError {
  return new StoreError(
    'FAILED',
    `there is no key file ${path}. Make a new one with \`p2p-peer identity new ${path}\`, or bring your own with ` +
      `\`p2p-peer identity export ${path}\`.`,
    cause,
  );
}

/** Makes a new key in a file of its own. @throws StoreError when there is something already */
export async function newKeyFile(path: string): Promise<PrivateKey> {
  const key = await generateKeyPair('Ed25519');
  await writeKeyFile(path, privateKeyToProtobuf(key));
  return key;
}

/** Writes a copy of a key. @throws StoreError when there is something already */
export async function exportKey(key: PrivateKey, path: string): Promise<void> {
  await writeKeyFile(path, keyBytes(key));
}

/** The content of a key file. */
export function keyBytes(key: PrivateKey): Uint8Array {
  return privateKeyToProtobuf(key);
}

/** @throws UsageError when the bytes are no key of a person */
export function keyFromBytes(bytes: Uint8Array, from: string): PrivateKey {
  try {
    const key = privateKeyFromProtobuf(bytes);
    if (key.type === 'Ed25519') return key;
  } catch (error) {
    throw new UsageError(`${from} holds no private key`, error);
  }
  throw new UsageError(`${from} holds a key of another kind than Ed25519`);
}

export type Imported = {
  /** Where the key that was there before lies now; undefined when there was none, or the same. */
  readonly keptOld: string | undefined;
};

/**
 * Makes a key a person's own. The same key again changes nothing.
 *
 * @param force take the place of another key, which is kept beside it
 * @throws StoreError without it
 */
export async function importKey(key: PrivateKey, place: string, force: boolean): Promise<Imported> {
  const present = await loadKey(place);
  if (present === undefined) {
    await writeKeyFile(place, keyBytes(key));
    return { keptOld: undefined };
  }
  if (present.equals(key)) return { keptOld: undefined };
  if (!force) {
    throw new StoreError(
      'FAILED',
      `${place} holds another key, ${ownerOf(present)}, to which its files belong; --force replaces it and keeps it aside`,
    );
  }
  const keptOld = `${place}.old-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  const draft = `${place}.${randomBytes(6).toString('hex')}`;
  await writeKeyFile(draft, keyBytes(key));
  // At every moment there is a key at its place, and the old one has a name.
  await named(keptOld, () => link(place, keptOld));
  await rename(draft, place);
  await syncDirectoryOf(place);
  return { keptOld };
}

/** Whole and durable, or not there at all; never over anything. */
async function writeKeyFile(path: string, bytes: Uint8Array): Promise<void> {
  const draft = join(dirname(resolve(path)), `.key-${randomBytes(6).toString('hex')}`);
  await named(path, async () => {
    const file = await open(draft, 'wx', KEY_FILE_MODE);
    try {
      await file.writeFile(bytes);
      await file.sync();
      await link(draft, path);
    } finally {
      await file.close();
      await unlink(draft);
    }
  });
  await syncDirectoryOf(path);
}

async function syncDirectoryOf(path: string): Promise<void> {
  const directory = await open(dirname(resolve(path)), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function named(path: string, access: () => Promise<void>): Promise<void> {
  try {
    await access();
  } catch (error) {
    if (isCode(error, 'EEXIST')) {
      throw new StoreError('FAILED', `${path} exists already; keys are never written over: name another file`, error);
    }
    throw new StoreError('FAILED', `cannot write the key file ${path}: ${reasonOf(error)}`, error);
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
