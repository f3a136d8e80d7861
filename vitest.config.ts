/**
 * Three projects: `unit` (everything in one process, seconds), `e2e` (real processes on loopback, one file at a
 * time so that two cores serve the peers and not the test runner) and `faults` (the same, on disks that fail: takes root
 * and tools, so it has a command of its own, `npm run test:faults`). Those that run the bundles build them first.
 */

import { defineConfig } from 'vitest/config';

const UNIT_TIMEOUT_MS = 20_000;
const E2E_TIMEOUT_MS = 120_000;
/** Twice what the longest one takes on two busy cores. */
const FAULTS_TIMEOUT_MS = 600_000;

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/faults/**'],
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
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup: ['scripts/build.ts'],
          testTimeout: FAULTS_TIMEOUT_MS,
          hookTimeout: FAULTS_TIMEOUT_MS,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
