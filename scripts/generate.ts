/**
 * Makes src/wire/generated/*.ts from src/wire/schema/*.proto with protons. What it emits is committed, so that a
 * build needs no generator. Three things are mended in its output: relative imports end in `.ts`, optional fields
 * may hold `undefined` (it assigns that, which exactOptionalPropertyTypes refuses otherwise), and files that no
 * schema stands behind any more are removed.
 */

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from 'protons';

const SCHEMA_DIR = join(import.meta.dirname, '../src/wire/schema');
const GENERATED_DIR = join(import.meta.dirname, '../src/wire/generated');

function mend(source: string): string {
  const mended = source
    .replaceAll(/(from '\.{1,2}\/[^']*?)(?:\.js|\.ts)?'/g, "$1.ts'")
    .replaceAll(/^( +\w+\?: )([^\n|]+)$/gm, '$1$2 | undefined');
  return `// Made by \`npm run generate\`; edit the schema instead.\n${mended}`;
}

const schemas = (await readdir(SCHEMA_DIR)).filter((file) => file.endsWith('.proto')).sort();
await mkdir(GENERATED_DIR, { recursive: true });
for (const file of await readdir(GENERATED_DIR)) await rm(join(GENERATED_DIR, file));
for (const schema of schemas) {
  await generate(join(SCHEMA_DIR, schema), { output: GENERATED_DIR, path: [SCHEMA_DIR], strict: true });
}
for (const file of await readdir(GENERATED_DIR)) {
  const path = join(GENERATED_DIR, file);
  await writeFile(path, mend(await readFile(path, 'utf8')));
}
