/**
 * Reads stdin, no faster than so many bytes a second, and prints the SHA-256 of it. It asks the pipe for more only
 * when the time has come, so the pipe stays full and the writer has to wait.
 */

import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const PIECE_BYTES = 256 * 1024;

const bytesPerSecond = Number(process.argv[2]);
const hash = createHash('sha256');
const piece = Buffer.alloc(PIECE_BYTES);
const startedAt = performance.now();
let bytes = 0;
for (;;) {
  const count = readSync(0, piece);
  if (count === 0) break;
  hash.update(piece.subarray(0, count));
  bytes += count;
  const aheadMs = (bytes / bytesPerSecond) * 1000 - (performance.now() - startedAt);
  if (aheadMs > 1) await delay(aheadMs);
}
process.stdout.write(`${hash.digest('hex')}\n`);
