/** Who should be the root of a key, found by looking at all ids: the independent answer that the network is held to. */

import { createHash } from 'node:crypto';

const ID_HEX_DIGITS = 4;
const POSITIONS = 16 ** ID_HEX_DIGITS;

/** A name's key in hex. */
export function keyOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, ID_HEX_DIGITS);
}

/** The id, in hex, that is numerically closest to the key on the ring; of two at the same distance the clockwise one. */
export function closestId(key: string, ids: readonly string[]): string {
  const position = Number.parseInt(key, 16);
  const ranked = ids.map((id) => {
    const clockwise = (Number.parseInt(id, 16) - position + POSITIONS) % POSITIONS;
    return { id, clockwise, distance: Math.min(clockwise, POSITIONS - clockwise) };
  });
  ranked.sort((a, b) => a.distance - b.distance || a.clockwise - b.clockwise);
  const [first] = ranked;
  if (first === undefined) throw new Error('a ring of no peers has no root');
  return first.id;
}
