/**
 * Unix sockets have short addresses: 107 bytes on Linux, 103 elsewhere, however long paths may be. A socket whose path
 * is longer is reached through a link to its directory that exists for just that moment. (The alternatives are worse:
 * the working directory is shared by the whole process, and /proc/self/fd is Linux's own.)
 */

import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

const SOCKET_PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103;
/** Where TMPDIR itself is that long. */
const SHORT_DIRECTORY = '/tmp';
const LINK = 'd';
/** What stands between the temporary directory and the socket's own name. */
const DETOUR_BYTES = '/p2p-XXXXXX/d/'.length;

/** Calls with a path that leads to the same place and is short enough for a socket. It is valid until `use` settles. */
export async function withShortPath<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return use(path);
  const name = basename(path);
  const detourBytes = Buffer.byteLength(tmpdir()) + DETOUR_BYTES + Buffer.byteLength(name);
  const base = detourBytes <= SOCKET_PATH_BYTES_MAX ? tmpdir() : SHORT_DIRECTORY;
  const directory = await mkdtemp(join(base, 'p2p-'));
  try {
    const link = join(directory, LINK);
    await symlink(resolve(dirname(path)), link);
    return await use(join(link, name));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
