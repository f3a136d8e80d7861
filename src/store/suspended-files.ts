/**
 * Copies whose writer went away in the middle, kept for when it comes back: the file as far as it was synced, and beside
 * it a sidecar with the hashes of its whole chunks, so that nothing of it is hashed again. They survive a restart.
 *
 * The sidecar is written when the copy is suspended, and now and then before, for a process that is killed. They are a
 * courtesy and give way: after a day, where they take more than their share of the disk, and whenever something
 * new finds no room. A sidecar stays until its copy is committed or given up, so that a process killed in a
 * resumed transfer still finds what the sidecar tells of.
 *
 * Sidecar: format (1 byte), upload id (16), when it was suspended (8, ms since 1970), chunk size (4), the chunk hashes,
 * and the SHA-256 of all that.
 */

import { hash } from 'node:crypto';
import { equalBytes, toHex } from '../base/bytes.ts';
import { StoreError } from '../base/errors.ts';
import { HASH_BYTES } from '../wire/limits.ts';
import { causeCode, named } from './file-errors.ts';
import { type FileSystem, readWhole, writeFully } from './file-system.ts';
import type { Layout } from './layout.ts';

const SUSPENDED_FOR_MS = 24 * 60 * 60 * 1000;
const SUSPENDED_BYTES_MAX = 16 * 1024 * 1024 * 1024;
const SUSPENDED_SHARE_OF_FREE = 0.1;

const FORMAT = 1;
const UPLOAD_ID_BYTES = 16;
const SINCE_AT = 1 + UPLOAD_ID_BYTES;
const CHUNK_BYTES_AT = SINCE_AT + 8;
const HASHES_AT = CHUNK_BYTES_AT + 4;

export type Suspended = {
  /** 32 hex digits, chosen by the writer. */
  readonly uploadId: string;
  /** Of the file in `incoming/`. */
  readonly id: string;
  readonly chunkBytes: number;
  /** Of the whole chunks. */
  readonly bytes: number;
  readonly sinceMs: number;
};

export type Sidecar = { readonly suspended: Suspended; readonly hashes: Uint8Array[] };

type SuspendedFilesParts = {
  readonly files: FileSystem;
  readonly layout: Layout;
  /** Ms since 1970. */
  readonly now: () => number;
  readonly syncIncoming: () => Promise<void>;
};

export class SuspendedFiles {
  readonly #parts: SuspendedFilesParts;
  /** By upload id, the oldest first. */
  readonly #suspended = new Map<string, Suspended>();
  #bytes = 0;

  constructor(parts: SuspendedFilesParts) {
    this.#parts = parts;
  }

  /** That lie on the disk, for whoever counts what the directory takes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Finds those of an earlier process. @returns the ids of their files in `incoming/`; what has no such id is stale */
  async load(): Promise<Set<string>> {
    const { files, layout, now } = this.#parts;
    const names = await files.names(layout.incoming);
    const found: Suspended[] = [];
    for (const name of names) {
      const id = layout.sidecarId(name);
      const sidecar = id === undefined ? undefined : await this.#readSidecar(id);
      if (sidecar !== undefined && (await this.#isThere(sidecar.suspended))) found.push(sidecar.suspended);
    }
    for (const suspended of found.sort(byAge)) this.#add(suspended);
    await this.#dropWhile(({ sinceMs }) => sinceMs + SUSPENDED_FOR_MS <= now());
    return new Set(Array.from(this.#suspended.values(), ({ id }) => id));
  }

  /** Takes the copy of an upload out, to be gone on with. */
  async take(uploadId: string, chunkBytes: number): Promise<Sidecar | undefined> {
    await this.#dropWhile(({ sinceMs }) => sinceMs + SUSPENDED_FOR_MS <= this.#parts.now());
    const suspended = this.#suspended.get(uploadId);
    if (suspended === undefined) return undefined;
    const sidecar = await this.#readSidecar(suspended.id);
    if (this.#suspended.get(uploadId) !== suspended) return undefined; // Somebody else was faster.
    if (sidecar === undefined || chunkBytes !== suspended.chunkBytes || !(await this.#isThere(suspended))) {
      await this.#drop(suspended);
      return undefined;
    }
    this.#remove(suspended);
    return sidecar;
  }

  /** What was taken and could not be gone on with. */
  putBack(suspended: Suspended): void {
    if (this.#suspended.has(suspended.uploadId)) return;
    const all = [...this.#suspended.values(), suspended].sort(byAge);
    this.#suspended.clear();
    this.#bytes = 0;
    for (const each of all) this.#add(each);
  }

  /** Keeps a copy whose file is synced. @returns false when it had to give way at once */
  async keep(uploadId: string, id: string, chunkBytes: number, hashes: readonly Uint8Array[]): Promise<boolean> {
    const { files, layout, now } = this.#parts;
    const share = SUSPENDED_SHARE_OF_FREE * (await files.freeBytes(layout.root));
    const suspended = { uploadId, id, chunkBytes, bytes: hashes.length * chunkBytes, sinceMs: now() };
    await this.#writeSidecar({ suspended, hashes: [...hashes] });
    const former = this.#suspended.get(uploadId);
    if (former !== undefined) await this.#drop(former);
    this.#add(suspended);
    await this.#dropWhile(
      ({ sinceMs }) => this.#bytes > Math.min(share, SUSPENDED_BYTES_MAX) || sinceMs + SUSPENDED_FOR_MS <= now(),
    );
    return this.#suspended.get(uploadId) === suspended;
  }

  /**
   * Writes down what is durable of a copy that still grows, so that a process killed in the middle finds it. A courtesy:
   * where it fails, what was written down before stays, and the copy goes on.
   */
  async note(uploadId: string, id: string, chunkBytes: number, hashes: readonly Uint8Array[]): Promise<void> {
    const suspended = { uploadId, id, chunkBytes, bytes: hashes.length * chunkBytes, sinceMs: this.#parts.now() };
    try {
      await this.#writeSidecar({ suspended, hashes: [...hashes] });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const { files, layout } = this.#parts;
      await files.unlink(layout.freshSidecar(id)).catch(ignoreSystemErrors);
    }
  }

  /** Makes room. @returns false when there is none left to give way */
  async dropOldest(): Promise<boolean> {
    const [oldest] = this.#suspended.values();
    if (oldest !== undefined) await this.#drop(oldest);
    return oldest !== undefined;
  }

  async #dropWhile(mustGo: (oldest: Suspended) => boolean): Promise<void> {
    for (const oldest of this.#suspended.values()) {
      if (!mustGo(oldest)) return;
      await this.#drop(oldest);
    }
  }

  async #drop(suspended: Suspended): Promise<void> {
    this.#remove(suspended);
    const { files, layout } = this.#parts;
    for (const path of [layout.sidecar(suspended.id), layout.incomingFile(suspended.id)]) {
      await files.unlink(path).catch(ignoreSystemErrors); // The next start clears what could not be deleted now.
    }
  }

  /** In place of another attempt of the same upload. */
  #add(suspended: Suspended): void {
    const former = this.#suspended.get(suspended.uploadId);
    if (former !== undefined) this.#remove(former);
    this.#suspended.set(suspended.uploadId, suspended);
    this.#bytes += suspended.bytes;
  }

  #remove(suspended: Suspended): void {
    if (this.#suspended.delete(suspended.uploadId)) this.#bytes -= suspended.bytes;
  }

  /** Whether the file holds all that its sidecar tells of. */
  async #isThere({ id, bytes }: Suspended): Promise<boolean> {
    const { files, layout } = this.#parts;
    return readable(async () => {
      const fd = await files.open(layout.incomingFile(id), 'read');
      try {
        return ((await files.size(fd)) ?? 0) >= bytes;
      } finally {
        await files.close(fd);
      }
    }, false);
  }

  async #readSidecar(id: string): Promise<Sidecar | undefined> {
    const { files, layout } = this.#parts;
    return readable(async () => decodeSidecar(id, await readWhole(files, layout.sidecar(id))), undefined);
  }

  /** Replaces an earlier one in one step. */
  async #writeSidecar(sidecar: Sidecar): Promise<void> {
    const { files, layout, syncIncoming } = this.#parts;
    const path = layout.sidecar(sidecar.suspended.id);
    await named(`writing ${path}`, async () => {
      const fresh = layout.freshSidecar(sidecar.suspended.id);
      const fd = await files.open(fresh, 'create');
      try {
        await writeFully(files, fd, encodeSidecar(sidecar), 0);
        await files.datasync(fd);
      } finally {
        await files.close(fd);
      }
      await files.rename(fresh, path);
      await syncIncoming();
    });
  }
}

function byAge(a: Suspended, b: Suspended): number {
  return a.sinceMs - b.sinceMs;
}

function encodeSidecar({ suspended, hashes }: Sidecar): Uint8Array[] {
  const head = Buffer.alloc(HASHES_AT);
  head.writeUInt8(FORMAT, 0);
  head.write(suspended.uploadId, 1, 'hex');
  head.writeDoubleBE(suspended.sinceMs, SINCE_AT);
  head.writeUInt32BE(suspended.chunkBytes, CHUNK_BYTES_AT);
  const body = Buffer.concat([head, ...hashes]);
  return [body, hash('sha256', body, 'buffer')];
}

/** Undefined when it is torn or no sidecar. */
function decodeSidecar(id: string, bytes: Buffer): Sidecar | undefined {
  const end = bytes.length - HASH_BYTES;
  if (end < HASHES_AT || bytes[0] !== FORMAT || (end - HASHES_AT) % HASH_BYTES !== 0) return undefined;
  if (!equalBytes(hash('sha256', bytes.subarray(0, end), 'buffer'), bytes.subarray(end))) return undefined;
  const count = (end - HASHES_AT) / HASH_BYTES;
  const hashAt = (i: number) =>
    new Uint8Array(bytes.subarray(HASHES_AT + i * HASH_BYTES, HASHES_AT + (i + 1) * HASH_BYTES));
  const chunkBytes = bytes.readUInt32BE(CHUNK_BYTES_AT);
  const uploadId = toHex(bytes.subarray(1, SINCE_AT));
  const suspended = { uploadId, id, chunkBytes, bytes: count * chunkBytes, sinceMs: bytes.readDoubleBE(SINCE_AT) };
  return { suspended, hashes: Array.from({ length: count }, (_, i) => hashAt(i)) };
}

/** What a file gives that may be missing or unreadable; that is no reason to stop. */
async function readable<T>(access: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await access();
  } catch (error) {
    ignoreSystemErrors(error);
    return otherwise;
  }
}

function ignoreSystemErrors(error: unknown): void {
  if (causeCode(error) === undefined) throw error;
}
