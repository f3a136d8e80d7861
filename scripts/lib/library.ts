/** The library as programs get it: the bundle in dist/, with the types of its source. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './scratch.ts';

type Library = typeof import('../../src/lib.ts');

export async function loadLibrary(): Promise<Library> {
  return (await import(pathToFileURL(join(ROOT, 'dist', 'lib.js')).href)) as Library;
}
