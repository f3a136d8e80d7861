/**
 * A private key in a file of its own. Made once, exclusively, and durable before anybody uses it: a key that was lost
 * in a power cut after its first use would be another identity. Two processes that start at once end with one key.
 */

import { constants, type FileHandle, link, open, unlink } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { StorageUnusableError } from '../base/errors.ts';
import { causeCode, storageError } from './file-errors.ts';
import { nodeFileSystem } from './file-system.ts';

const KEY_FILE_MODE = 0o600;
const OTHERS_MODE_BITS = 0o077;
const KEY_FILE_BYTES_MAX = 64 * 1024;

/**
 * The key in that file, or undefined when there is no such file.
 *
 * @throws StorageUnusableError when it cannot be read or holds no Ed25519 key
 */
export async function loadKey(path: string): Promise<PrivateKey | undefined> {
  const bytes = await readKeyFile(path).catch((error: unknown) => {
    throw storageError(`key file ${path}`, error);
  });
  return bytes === undefined ? undefined : keyOf(path, bytes);
}

/** The key in that file, an Ed25519 key made now where there is none. @throws StorageUnusableError, NoSpaceError */
export async function loadOrMakeKey(path: string): Promise<PrivateKey> {
  const make = async () => privateKeyToProtobuf(await generateKeyPair('Ed25519'));
  return keyOf(path, await readOrCreateKeyFile(path, make));
}

function keyOf(path: string, bytes: Uint8Array): PrivateKey {
  try {
    const key = privateKeyFromProtobuf(bytes);
    if (key.type === 'Ed25519') return key;
  } catch (error) {
    throw new StorageUnusableError(`${path} holds no private key; restore it from a backup`, error);
  }
  throw new StorageUnusableError(`${path} holds a key of another kind than Ed25519`);
}

/**
 * The content of a key file, made by `make` where there is none yet. Mode 0600; a file that others may read is
 * narrowed to it. The directory must exist.
 *
 * @throws StorageUnusableError, NoSpaceError
 */
export async function readOrCreateKeyFile(
  path: string,
  make: () => Uint8Array | Promise<Uint8Array>,
): Promise<Uint8Array> {
  try {
    return (await readKeyFile(path)) ?? (await createKeyFile(path, await make()));
  } catch (error) {
    throw storageError(`key file ${path}`, error);
  }
}

async function readKeyFile(path: string): Promise<Uint8Array | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (causeCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { mode, size } = await file.stat();
    if (size === 0 || size > KEY_FILE_BYTES_MAX) {
      throw new StorageUnusableError(`${path} holds no key; restore it from a copy, or delete it to get a new one`);
    }
    if ((mode & OTHERS_MODE_BITS) !== 0) await file.chmod(KEY_FILE_MODE);
    return new Uint8Array(await file.readFile());
  } finally {
    await file.close();
  }
}

async function createKeyFile(path: string, bytes: Uint8Array): Promise<Uint8Array> {
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  const file = await open(draft, 'wx', KEY_FILE_MODE);
  try {
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path);
  } catch (error) {
    if (causeCode(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
  await nodeFileSystem.syncDirectory(dirname(path));
  const present = await readKeyFile(path);
  if (present === undefined) throw new StorageUnusableError(`${path} vanished while it was made; try again`);
  return present;
}
