/**
 * A private key in a file of its own: made on first use, mode 0600, never overwritten. It is complete and on disk
 * before it is used, because whatever it signs must still hold after a power cut.
 */

import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, StorageUnusableError } from '../base/errors.ts';

const KEY_FILE_MODE = 0o600;

/**
 * The key in that file, or undefined when there is no such file.
 *
 * @throws StorageUnusableError when it cannot be read or holds no Ed25519 key
 */
export async function loadKey(path: string): Promise<PrivateKey | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new StorageUnusableError(`the key ${path} cannot be read: ${messageOf(error)}`, error);
  }
  try {
    const key = privateKeyFromProtobuf(bytes);
    if (key.type === 'Ed25519') return key;
  } catch (error) {
    throw new StorageUnusableError(`${path} holds no private key; restore it from a backup`, error);
  }
  throw new StorageUnusableError(`${path} holds a key of another kind than Ed25519`);
}

/**
 * The key in that file, made if there is none. Its directory exists and belongs to this process alone.
 *
 * @throws StorageUnusableError
 */
export async function loadOrMakeKey(path: string): Promise<PrivateKey> {
  const present = await loadKey(path);
  if (present !== undefined) return present;
  const key = await generateKeyPair('Ed25519');
  try {
    await writeDurably(path, privateKeyToProtobuf(key));
  } catch (error) {
    throw new StorageUnusableError(`the key ${path} cannot be written: ${messageOf(error)}`, error);
  }
  return key;
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', KEY_FILE_MODE);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
