/**
 * The static checks, two at a time for two cores: types (of everything, and of the pure folders without any
 * platform), lint, format. Each one's output is shown only if it fails. Ends with status 1 if any failed.
 */

import { spawn } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const CHECKS_AT_ONCE = 2;

type Check = { title: string; script: string; args: string[] };

const waiting: Check[] = [
  { title: 'lint', script: 'eslint/bin/eslint.js', args: ['.', '--max-warnings', '0'] },
  { title: 'types', script: 'typescript/bin/tsc', args: ['-p', 'tsconfig.json'] },
  { title: 'types of the pure folders', script: 'typescript/bin/tsc', args: ['-p', 'tsconfig.pure.json'] },
  { title: 'format', script: 'prettier/bin/prettier.cjs', args: ['--check', '--log-level', 'warn', '.'] },
];

function run(check: Check): Promise<boolean> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'node_modules', check.script), ...check.args], { cwd: ROOT });
    const output: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => output.push(data));
    child.stderr.on('data', (data: Buffer) => output.push(data));
    child.once('error', reject);
    child.once('close', (status) => {
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      process.stdout.write(`${status === 0 ? 'ok    ' : 'FAILED'} ${check.title} (${seconds} s)\n`);
      if (status !== 0) process.stdout.write(Buffer.concat(output));
      resolve(status === 0);
    });
  });
}

async function worker(): Promise<boolean> {
  let passed = true;
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    if (!(await run(check))) passed = false;
  }
  return passed;
}

const results = await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, worker));
if (results.includes(false)) process.exitCode = 1;
