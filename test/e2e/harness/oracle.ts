/**
 * What the answers must be, by brute force and on purpose without any of the project's own code: the key of a name, the
 * peer closest to it, and how many hops Pastry needs when every table is perfect.
 */

import { createHash } from 'node:crypto';

const RING = 0x10000;
const DIGITS = 4;
const LEAF_SET_HALF = 8;

/** The first 16 bits of SHA-256 over the name's UTF-8 bytes, as four hex digits. */
export function keyOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, DIGITS);
}

function stepsUp(from: string, to: string): number {
  return (parseInt(to, 16) - parseInt(from, 16) + RING) % RING;
}

function distance(a: string, b: string): number {
  return Math.min(stepsUp(a, b), stepsUp(b, a));
}

/** The id that is numerically closest to the key; of two that are equally close the one clockwise of it. */
export function closest(nodeIds: readonly string[], key: string): string {
  let best: string | undefined;
  for (const id of nodeIds) {
    const nearer = best === undefined || distance(id, key) < distance(best, key);
    const tie =
      best !== undefined && distance(id, key) === distance(best, key) && stepsUp(key, id) < stepsUp(key, best);
    if (nearer || tie) best = id;
  }
  if (best === undefined) throw new Error('nobody is closest where nobody is');
  return best;
}

/** The k closest, closest first. */
export function closestOnes(nodeIds: readonly string[], key: string, k: number): string[] {
  const found: string[] = [];
  for (let rest = [...nodeIds]; found.length < k && rest.length > 0;) {
    const next = closest(rest, key);
    found.push(next);
    rest = rest.filter((id) => id !== next);
  }
  return found;
}

/** Who belongs into a peer's leaf set, sorted: the eight closest to either side, fewer only where there are fewer. */
export function leafSetOf(nodeIds: readonly string[], self: string): string[] {
  const up = nodeIds.filter((id) => id !== self).toSorted((a, b) => stepsUp(self, a) - stepsUp(self, b));
  return [...new Set([...up.slice(0, LEAF_SET_HALF), ...up.slice(-LEAF_SET_HALF)])].sort();
}

/** Keys at which a wrong view of the ring shows: every id, and both sides of the middle between each two neighbours. */
export function tellingKeys(nodeIds: readonly string[]): string[] {
  const sorted = nodeIds.toSorted();
  return sorted.flatMap((id, index) => {
    const half = stepsUp(id, sorted[(index + 1) % sorted.length] ?? id) >> 1;
    return [0, half, half + 1].map((steps) => ((parseInt(id, 16) + steps) % RING).toString(16).padStart(DIGITS, '0'));
  });
}

function sharedDigits(a: string, b: string): number {
  let shared = 0;
  while (shared < DIGITS && a[shared] === b[shared]) shared++;
  return shared;
}

/**
 * Mean hops of these lookups, if every leaf set were complete (eight to either side) and every table slot for which there
 * is a candidate were filled. Which candidate fills a slot is chance, so the mean is taken over all of them. A key
 * within the span of the leaf set goes straight to the closest; any other goes to the slot that shares one more digit;
 * where that is empty, to the closest known peer that shares as many digits and is nearer.
 */
export function idealMeanHops(
  nodeIds: readonly string[],
  lookups: readonly { readonly entry: string; readonly key: string }[],
): number {
  const known = new Map<string, Map<string, number>>();
  let sum = 0;
  for (const { entry, key } of lookups) {
    const ofKey = known.get(key) ?? new Map<string, number>();
    known.set(key, ofKey);
    sum += expectedHops(nodeIds, entry, key, ofKey);
  }
  return sum / lookups.length;
}

function expectedHops(nodeIds: readonly string[], at: string, key: string, known: Map<string, number>): number {
  const before = known.get(at);
  if (before !== undefined) return before;
  const choices = idealNextHops(nodeIds, at, key);
  const hops = choices.map((next) => 1 + expectedHops(nodeIds, next, key, known));
  const mean = hops.length === 0 ? 0 : hops.reduce((sum, each) => sum + each, 0) / hops.length;
  known.set(at, mean);
  return mean;
}

function idealNextHops(nodeIds: readonly string[], at: string, key: string): string[] {
  const others = nodeIds.filter((id) => id !== at);
  const up = others.toSorted((a, b) => stepsUp(at, a) - stepsUp(at, b));
  const after = up.slice(0, LEAF_SET_HALF);
  const before = up.slice(-LEAF_SET_HALF);
  const first = before[0] ?? at;
  const last = after.at(-1) ?? at;
  const covered = others.length <= 2 * LEAF_SET_HALF || stepsUp(first, key) <= stepsUp(first, last);
  if (covered) {
    const to = closest([at, ...after, ...before], key);
    return to === at ? [] : [to];
  }
  const row = sharedDigits(at, key);
  const slot = others.filter((id) => sharedDigits(id, key) > row);
  if (slot.length > 0) return slot;
  const nearer = others.filter((id) => sharedDigits(id, key) >= row && distance(id, key) < distance(at, key));
  return nearer.length === 0 ? [] : [closest(nearer, key)];
}
