/** What a seeded bug is, and short names for the tests that notice one. */

export type SeededBug = {
  /** What is wrong, in the words of a reviewer. */
  readonly name: string;
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** A test file, and a part of the titles of the tests in it that must fail. */
  readonly caughtBy: { readonly file: string; readonly title: string };
};

export const scenario = (name: string): SeededBug['caughtBy'] => ({
  file: 'test/sim/scenarios.test.ts',
  title: `${name}.scenario`,
});
export const nextHop = (title: string): SeededBug['caughtBy'] => ({ file: 'test/overlay/next-hop.test.ts', title });
export const forwarding = (title: string): SeededBug['caughtBy'] => ({
  file: 'test/overlay/forwarding.test.ts',
  title,
});
export const leafSet = (title: string): SeededBug['caughtBy'] => ({ file: 'test/overlay/leaf-set.test.ts', title });
export const pastry = (title: string): SeededBug['caughtBy'] => ({ file: 'test/overlay/pastry.test.ts', title });
export const ringProperties = (title: string): SeededBug['caughtBy'] => ({
  file: 'test/sim/ring-properties.test.ts',
  title,
});
export const wholeRings = (title: string): SeededBug['caughtBy'] => ({ file: 'test/sim/whole-rings.test.ts', title });
