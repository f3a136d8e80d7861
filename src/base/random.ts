/**
 * Chance is handed in, never taken: pure code gets a `Random` from whoever drives it. A real peer hands in
 * one seeded from the system's entropy, a test or the simulator one seeded with a number, so that any run
 * can be replayed. Not for keys or tags: those come from the system's own generator.
 */

/** Uniform in [0, 1). */
export type Random = () => number;

/** A seeded generator (splitmix32: Steele, Lea, Flood 2014; 32 bits of state, period 2^32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** A whole number, uniform in [0, below). */
export function randomBelow(random: Random, below: number): number {
  return Math.floor(random() * below);
}
