/**
 * What all peers of a network must agree on. The network key signs it once, when the network is made; every peer
 * and client gets it from its first contact and keeps it. The relations between the numbers are checked here.
 */

import { BadMessageError } from '../base/errors.ts';
import type { IdBits } from '../id/id-space.ts';

export type NetworkParameters = {
  /** For people. */
  readonly name: string;
  readonly idBits: IdBits;
  /** l: the leaf set holds the l nearest ids on either side. */
  readonly leafSetHalf: number;
  /** k: copies of a file where the owner does not say otherwise. */
  readonly replicas: number;
  readonly chunkBytes: number;
  readonly geometry: 'pastry';
  /** How long a peer may be away before its copies are made anew elsewhere. */
  readonly repairDelayMs: number;
};

/** Content is hashed, sent and checked in chunks of this size. */
export const CHUNK_BYTES_MIN = 4 * 1024;
export const CHUNK_BYTES_MAX = 4 * 1024 * 1024;
const NETWORK_NAME_CHARACTERS_MAX = 64;
const LEAF_SET_HALF_MAX = 16;
const REPAIR_DELAY_MS_MAX = 30 * 24 * 3600 * 1000;

export const DEFAULT_PARAMETERS: NetworkParameters = {
  name: 'p2p',
  idBits: 16,
  leafSetHalf: 8,
  replicas: 3,
  chunkBytes: 1024 * 1024,
  geometry: 'pastry',
  repairDelayMs: 300_000,
};

/** @throws BadMessageError naming the first parameter that is out of range */
export function checkParameters(parameters: NetworkParameters): void {
  const { name, idBits, leafSetHalf, replicas, chunkBytes, geometry, repairDelayMs } = parameters;
  const inRange: readonly (readonly [string, boolean])[] = [
    ['name', name.length >= 1 && name.length <= NETWORK_NAME_CHARACTERS_MAX],
    ['id width', idBits === 16 || idBits === 32],
    ['leaf set', leafSetHalf >= 1 && leafSetHalf <= LEAF_SET_HALF_MAX],
    ['number of replicas (at least 1, at most half a leaf set)', replicas >= 1 && replicas <= leafSetHalf],
    ['chunk size', chunkBytes >= CHUNK_BYTES_MIN && chunkBytes <= CHUNK_BYTES_MAX],
    ['geometry', geometry === 'pastry'],
    ['repair delay', repairDelayMs >= 0 && repairDelayMs <= REPAIR_DELAY_MS_MAX],
  ];
  const wrong = inRange.find(([, fine]) => !fine);
  if (wrong !== undefined) throw new BadMessageError(`network parameters whose ${wrong[0]} is out of range`);
}
