/**
 * Runs the tests of test/faults: disks that fail, and what takes too long for every day. As root in a mount namespace of their own, so that the kernel clears
 * away whatever they have mounted, however they end. Arguments are vitest's: `npm run test:faults -- -t 'power cut'`.
 *
 * What this machine cannot do is left out, and said; with P2P_FAULTS_REQUIRED=1 it is a failure.
 */

import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const UNSHARE = ['--mount', '--propagation', 'private'];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const STATUS_FAILED = 1;

const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
const tests = [process.execPath, vitest, 'run', '--project', 'faults', ...process.argv.slice(2)];
const canUnshare = spawnSync('unshare', [...UNSHARE, 'true'], { stdio: 'ignore' }).status === 0;
if (!canUnshare) process.stderr.write('test:faults: no mount namespace can be had here; most faults take root\n');
const [command = '', ...args] = canUnshare ? ['unshare', ...UNSHARE, ...tests] : tests;

const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit' });
for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
child.once('error', (error) => {
  process.stderr.write(`test:faults: ${error.message}\n`);
  process.exitCode = STATUS_FAILED;
});
child.once('exit', (status) => (process.exitCode = status ?? STATUS_FAILED));
