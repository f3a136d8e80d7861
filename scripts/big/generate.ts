/** Writes so many pseudo-random bytes to stdout: what a pipe brings whose length nobody knows beforehand. */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pseudoRandom } from '../lib/content.ts';

const [, , bytes, seed] = process.argv;
await pipeline(Readable.from(pseudoRandom(Number(bytes), Number(seed)), { objectMode: true }), process.stdout);
