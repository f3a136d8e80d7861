/**
 * Two projects: `unit` (everything in one process, seconds) and `e2e` (real processes on loopback, one file at a
 * time so that two cores serve the peers and not the test runner). End-to-end tests run the bundles, so those are
 * built first.
 */

import { defineConfig } from 'vitest/config';

const UNIT_TIMEOUT_MS = 20_000;
const E2E_TIMEOUT_MS = 120_000;

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          testTimeout: UNIT_TIMEOUT_MS,
          hookTimeout: UNIT_TIMEOUT_MS,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['scripts/build.ts'],
          testTimeout: E2E_TIMEOUT_MS,
          hookTimeout: E2E_TIMEOUT_MS,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
