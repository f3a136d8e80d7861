/** The library as programs get it: the bundle in dist/, with the types of its source. */

import type * as Library from '../../src/lib.ts';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './scratch.ts';

export async function loadLibrary(): Promise<typeof Library> {
  return (await import(pathToFileURL(join(ROOT, 'dist', 'lib.js')).href)) as typeof Library;
}
