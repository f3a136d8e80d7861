/**
 * The first chunks of a file that is still being written, read back and checked: for those who are to have a copy that is
 * gone on with from its beginning. What the disk damaged must not travel on, least of all under another one's name.
 */

import { hash } from 'node:crypto';
import { equalBytes } from '../base/bytes.ts';
import { ContentCorruptError } from '../base/errors.ts';
import { namedContent } from './file-errors.ts';
import type { FileSystem } from './file-system.ts';

/**
 * As many as there are hashes, all of them whole. Each is valid until the next one is asked for.
 *
 * @throws ContentCorruptError when a chunk is not what its hash says, or cannot be read
 * @throws StorageUnusableError, BusyError for what is no fault of this one file
 */
export async function* readChunks(
  files: FileSystem,
  path: string,
  chunkBytes: number,
  hashes: readonly Uint8Array[],
): AsyncGenerator<Uint8Array, void, undefined> {
  if (hashes.length === 0) return;
  const fd = await namedContent(`opening ${path}`, () => files.open(path, 'read'));
  try {
    const chunk = Buffer.allocUnsafeSlow(chunkBytes);
    for (const [index, expected] of hashes.entries()) {
      const at = index * chunkBytes;
      await namedContent(`reading ${path}`, () => fill(files, fd, chunk, at));
      if (!equalBytes(hash('sha256', chunk, 'buffer'), expected)) {
        throw new ContentCorruptError(`${path} is damaged (bytes ${String(at)} to ${String(at + chunkBytes)})`);
      }
      yield chunk;
    }
  } finally {
    await files.close(fd);
  }
}

/** Leaves the buffer as it is behind the end of the file. */
async function fill(files: FileSystem, fd: number, buffer: Uint8Array, position: number): Promise<void> {
  for (let filled = 0; filled < buffer.length;) {
    const count = await files.read(fd, buffer, filled, buffer.length - filled, position + filled);
    if (count === 0) return;
    filled += count;
  }
}
