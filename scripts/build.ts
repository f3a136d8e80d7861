/**
 * Bundles the executables and the library into dist/ with esbuild: one small entry file each, and chunks that are
 * loaded when they are needed, so that `--help` never pays for libp2p. Only classic-level stays outside, for its
 * native part. Files are replaced one by one, and only where they changed, so that a build does not pull the
 * ground from under running processes; `--release` starts from an empty dist/ and adds the type declarations.
 */

import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
const entryPoints = {
  'p2p-peer': join(ROOT, 'src/cli/p2p-peer.ts'),
  'p2p-discovery': join(ROOT, 'src/cli/p2p-discovery.ts'),
  'store-file': join(ROOT, 'src/cli/store-file.ts'),
  'fetch-file': join(ROOT, 'src/cli/fetch-file.ts'),
  lib: join(ROOT, 'src/lib.ts'),
};

/** Also what the end-to-end tests run before anything else. */
export async function setup(release = false): Promise<void> {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints,
    outdir: DIST,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.12',
    external: ['classic-level'],
    minify: true,
    keepNames: false,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'linked',
    // Bundled CommonJS packages call `require` for Node's own modules.
    banner: { js: "import{createRequire as __r}from'node:module';const require=__r(import.meta.url);" },
    logLevel: 'warning',
    write: false,
  });

  if (release) await rm(DIST, { recursive: true, force: true });
  for (const file of result.outputFiles) {
    const present = await readFile(file.path).catch(() => undefined);
    if (present?.equals(file.contents)) continue;
    await mkdir(dirname(file.path), { recursive: true });
    const temporary = `${file.path}.${String(process.pid)}.tmp`;
    await writeFile(temporary, file.contents);
    await rename(temporary, file.path);
  }
  if (release) {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, '-p', 'tsconfig.types.json'], { cwd: ROOT, stdio: 'inherit' });
  }
}

if (import.meta.main) await setup(process.argv.includes('--release'));
