/**
 * The discovery peer's directory: `network.key` makes the network, `peer.key` is the discovery peer's own identity, and
 * `registry/` is what it knows. The first start founds the network: key first, then its signed parameters, which are
 * fixed from then on. With network.key moves the network; a lost peer.key only gets the discovery peer a new PeerId.
 */

import type { PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { equalBytes } from '../base/bytes.ts';
import { BadMessageError, messageOf, StorageUnusableError, UsageError } from '../base/errors.ts';
import { IdSpace } from '../id/id-space.ts';
import { checkParameters, DEFAULT_PARAMETERS, type NetworkParameters } from '../membership/network-parameters.ts';
import { networkIdOf, openCertificate, openParameters, signCertificate, signParameters } from '../wire/membership.ts';
import { loadKey, loadOrMakeKey } from '../store/key-file.ts';
import { RegistryFile, type LoadedRegistry } from './registry-file.ts';

export type FoundedNetwork = {
  readonly networkKey: PrivateKey;
  readonly peerKey: PrivateKey;
  readonly networkId: Uint8Array;
  readonly parameters: NetworkParameters;
  /** The signed bytes. */
  readonly parametersEnvelope: Uint8Array;
  /** The discovery peer's own. */
  readonly certificate: Uint8Array;
  readonly space: IdSpace;
  readonly loaded: LoadedRegistry;
  /** Open; whoever gets this closes it. */
  readonly file: RegistryFile;
};

/**
 * Opens the directory, founding a network in it if there is none.
 *
 * @throws UsageError when parameters are asked for that the network does not have
 * @throws StorageLockedError, StorageUnusableError
 */
export async function openDiscoveryDirectory(dir: string, wanted: Partial<NetworkParameters>): Promise<FoundedNetwork> {
  await makeDirectory(resolve(dir));
  const file = await RegistryFile.open(join(dir, 'registry'));
  try {
    const { networkKey, parametersEnvelope, parameters } = await foundOrRecall(dir, file, wanted);
    const networkId = networkIdOf(networkKey.publicKey);
    const space = new IdSpace(parameters.idBits);
    const peerKey = await loadOrMakeKey(join(dir, 'peer.key'));
    let loaded = await file.load(space);
    let certificate = await file.certificate();
    const peerId = peerIdFromPrivateKey(peerKey).toString();
    if (certificate === undefined || openCertificate(certificate, networkId, space).peerId !== peerId) {
      const serial = loaded.state.serial + 1;
      const role = 'discovery';
      const nodeId = space.position(0);
      certificate = signCertificate(networkKey, { networkId, role, peerId, nodeId, incarnation: 1, serial });
      await file.saveCertificate(certificate, loaded.state.epoch, serial);
      loaded = { ...loaded, state: { ...loaded.state, serial } };
    }
    return { networkKey, peerKey, networkId, parameters, parametersEnvelope, certificate, space, loaded, file };
  } catch (error) {
    await file.close();
    if (error instanceof BadMessageError) {
      throw new StorageUnusableError(
        `the directory ${dir} is damaged: ${error.message}; restore it from a backup`,
        error,
      );
    }
    throw error;
  }
}

/** Makes it where it does not exist, so that it is still there after a power cut. */
async function makeDirectory(dir: string): Promise<void> {
  try {
    const first = await mkdir(dir, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (let path = dir; path.length >= first.length; path = dirname(path)) {
      const parent = await open(dirname(path), 'r');
      await parent.sync().finally(() => parent.close());
    }
  } catch (error) {
    throw new StorageUnusableError(`the directory ${dir} cannot be made: ${messageOf(error)}`, error);
  }
}

type Founding = { networkKey: PrivateKey; parametersEnvelope: Uint8Array; parameters: NetworkParameters };

async function foundOrRecall(dir: string, file: RegistryFile, wanted: Partial<NetworkParameters>): Promise<Founding> {
  const keyPath = join(dir, 'network.key');
  const recalled = await file.parameters();
  if (recalled === undefined) {
    const parameters = { ...DEFAULT_PARAMETERS, ...withoutUndefined(wanted) };
    try {
      checkParameters(parameters);
    } catch (error) {
      throw error instanceof BadMessageError ? new UsageError(error.message, error) : error;
    }
    const networkKey = await loadOrMakeKey(keyPath);
    const parametersEnvelope = signParameters(networkKey, parameters);
    await file.saveParameters(parametersEnvelope);
    return { networkKey, parametersEnvelope, parameters };
  }
  const networkKey = await loadKey(keyPath);
  if (networkKey === undefined) {
    throw new StorageUnusableError(
      `${keyPath} is missing; nobody can be admitted without it, restore it from a backup`,
    );
  }
  const { networkId, parameters } = openParameters(recalled);
  if (!equalBytes(networkId, networkIdOf(networkKey.publicKey))) {
    throw new StorageUnusableError(`${keyPath} is the key of another network than the one in ${dir}`);
  }
  checkUnchanged(parameters, withoutUndefined(wanted));
  return { networkKey, parametersEnvelope: recalled, parameters };
}

/** @throws UsageError naming what differs */
function checkUnchanged(signed: NetworkParameters, wanted: Partial<NetworkParameters>): void {
  const names = Object.keys(wanted) as (keyof NetworkParameters)[];
  const differing = names.filter((name) => wanted[name] !== signed[name]);
  if (differing.length === 0) return;
  const list = differing.map((name) => `${name} is ${String(signed[name])}, not ${String(wanted[name])}`).join('; ');
  throw new UsageError(
    `a network's parameters are fixed when it is made: here ${list}; leave that out, or make a new network in another directory`,
  );
}

function withoutUndefined(wanted: Partial<NetworkParameters>): Partial<NetworkParameters> {
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
}
