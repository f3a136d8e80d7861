/**
 * The few calls that the store makes to the file system, as a port: tests hand in one that stops, fails or counts at
 * a chosen call, so that every crash point can be scripted. Plain descriptors and callbacks underneath, because the
 * handles of node:fs/promises cost noticeably more per call and thousands of small files are stored per second.
 */

import * as fs from 'node:fs';
import { promisify } from 'node:util';

export type FileAccess = 'read' | 'create' | 'continue';

export type FileSystem = {
  /**
   * `create`: exclusive, mode 0600, for writing. `continue`: one that is there, for writing. `read`: never through a symbolic link, and never waiting for the
   * other end of a pipe.
   */
  open(path: string, access: FileAccess): Promise<number>;
  /** May write less than all, as the system does. */
  writev(fd: number, parts: readonly Uint8Array[], position: number): Promise<number>;
  /** May read less than asked for; 0 at the end. */
  read(fd: number, into: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  truncate(fd: number, bytes: number): Promise<void>;
  datasync(fd: number): Promise<void>;
  close(fd: number): Promise<void>;
  /** Undefined for what is no ordinary file. */
  size(fd: number): Promise<number | undefined>;
  /** Differs when it is another file, or was written to since. */
  identity(fd: number): Promise<string>;
  /** And no symbolic link to one. False where nothing is. */
  isDirectory(path: string): Promise<boolean>;
  /** Makes the entries of a directory durable. */
  syncDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Quiet when it is there already. */
  makeDirectory(path: string): Promise<void>;
  names(path: string): Promise<string[]>;
  /** Bytes that an ordinary user can still write. */
  freeBytes(path: string): Promise<number>;
};

const open = promisify(fs.open);
const close = promisify(fs.close);
const fsync = promisify(fs.fsync);
const fstat = promisify(fs.fstat);
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

const OPEN_FLAGS: Readonly<Record<FileAccess, number>> = {
  read: O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
  create: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
  continue: O_WRONLY | O_NOFOLLOW,
};

export const nodeFileSystem: FileSystem = {
  open: (path, access) => open(path, OPEN_FLAGS[access], FILE_MODE),
  writev: (fd, parts, position) =>
    new Promise((resolve, reject) => {
      fs.writev(fd, parts, position, (error, written) => {
        if (error === null) resolve(written);
        else reject(error);
      });
    }),
  read: (fd, into, offset, length, position) =>
    new Promise((resolve, reject) => {
      fs.read(fd, into, offset, length, position, (error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    }),
  truncate: promisify(fs.ftruncate),
  datasync: promisify(fs.fdatasync),
  close,
  async size(fd) {
    const stat = await fstat(fd);
    return stat.isFile() ? stat.size : undefined;
  },
  async identity(fd) {
    const { dev, ino, size, mtimeMs, ctimeMs } = await fstat(fd);
    return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
  },
  async isDirectory(path) {
    return (await fs.promises.lstat(path).catch(ignoringAbsence))?.isDirectory() ?? false;
  },
  async syncDirectory(path) {
    const fd = await open(path, O_RDONLY | O_DIRECTORY, 0);
    try {
      await fsync(fd);
    } finally {
      await close(fd);
    }
  },
  rename: promisify(fs.rename),
  unlink: promisify(fs.unlink),
  async makeDirectory(path) {
    await fs.promises.mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  },
  names: (path) => fs.promises.readdir(path),
  async freeBytes(path) {
    const { bavail, bsize } = await fs.promises.statfs(path);
    return bavail * bsize;
  },
};

function ignoringAbsence(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** All of a file of moderate size. */
export async function readWhole(files: FileSystem, path: string): Promise<Buffer> {
  const fd = await files.open(path, 'read');
  try {
    const bytes = Buffer.alloc((await files.size(fd)) ?? 0);
    for (let filled = 0; filled < bytes.length;) {
      const count = await files.read(fd, bytes, filled, bytes.length - filled, filled);
      if (count === 0) return bytes.subarray(0, filled);
      filled += count;
    }
    return bytes;
  } finally {
    await files.close(fd);
  }
}

/** Writes all of the parts, whatever the system takes at a time. */
export async function writeFully(
  files: FileSystem,
  fd: number,
  parts: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let left = parts;
  let at = position;
  for (;;) {
    const total = left.reduce((sum, part) => sum + part.length, 0);
    if (total === 0) return;
    const written = await files.writev(fd, left, at);
    if (written === total) return;
    at += written;
    left = dropFront(left, written);
  }
}

function dropFront(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = bytes;
  for (const part of parts) {
    if (skip >= part.length) skip -= part.length;
    else {
      rest.push(skip === 0 ? part : part.subarray(skip));
      skip = 0;
    }
  }
  return rest;
}
