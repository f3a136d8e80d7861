import { createHash, hash } from 'node:crypto';
import { appendFile, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BadMessageError, InterruptedError } from '../../src/base/errors.ts';
import { inChunks, openSource, type OpenedSource } from '../../src/client/source.ts';
import { Upload } from '../../src/client/upload.ts';
import { DEFAULT_PARAMETERS } from '../../src/membership/network-parameters.ts';
import type { KeptChunks } from '../../src/wire/file.ts';
import { merkleRoot } from '../../src/wire/merkle.ts';

const MIB = 1024 * 1024;
const CHUNKS = 12;
const content = Buffer.alloc(CHUNKS * MIB + 5);
for (let i = 0; i <= CHUNKS; i++) content.subarray(i * MIB, (i + 1) * MIB).fill(i + 1);

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'upload-'));
  path = join(dir, 'source');
  await writeFile(path, content);
});
const begun: Upload[] = [];
afterEach(async () => {
  for (const upload of begun.splice(0)) await upload.end();
  await rm(dir, { recursive: true, force: true });
});

/** Opens the upload, with what it reads counted. */
async function open(): Promise<{ upload: Upload; readFrom: number[] }> {
  const source = await openSource({ path }, MIB);
  const readFrom: number[] = [];
  const counted: OpenedSource = {
    ...source,
    pieces: (signal, from = 0) => {
      readFrom.push(from);
      return source.pieces(signal, from);
    },
  };
  const place = {
    uploadsDir: join(dir, 'uploads'),
    reader: { networkId: new Uint8Array(32) },
    parameters: { ...DEFAULT_PARAMETERS, chunkBytes: MIB },
  };
  const upload = await Upload.open(place, 'n', counted);
  if (upload === undefined) throw new Error('no upload');
  begun.push(upload);
  return { upload, readFrom };
}

function kept(chunks: number): KeptChunks {
  const hashes = Array.from({ length: chunks }, (_, i) =>
    hash('sha256', content.subarray(i * MIB, (i + 1) * MIB), 'buffer'),
  );
  return { chunks, merkleRoot: merkleRoot(hashes) };
}

/** Sends from a chunk on, up to another. */
async function send(upload: Upload, from: number, to = CHUNKS + 1): Promise<void> {
  const source = await openSource({ path }, MIB);
  let index = from;
  for await (const chunk of inChunks(source.pieces(undefined, from * MIB), MIB)) {
    if (index++ >= to) return;
    upload.hasher.add(chunk);
    await upload.note();
  }
}

async function brokenOff(chunks: number): Promise<void> {
  const { upload } = await open();
  await upload.catchUp(undefined);
  expect(await upload.agree(undefined, undefined)).toBe(0);
  await send(upload, 0, chunks);
  await upload.end(new InterruptedError('interrupted'));
}

function expectWhole(upload: Upload): void {
  const sha256 = createHash('sha256').update(content).digest();
  expect(Buffer.from(upload.hasher.finish().sha256)).toEqual(sha256);
  expect(upload.hasher.finish().size).toBe(content.length);
  expect(upload.hasher.finish().merkleRoot).toEqual(hashesOf());
}

function hashesOf(): Uint8Array {
  const all = Array.from({ length: CHUNKS + 1 }, (_, i) =>
    hash('sha256', content.subarray(i * MIB, (i + 1) * MIB), 'buffer'),
  );
  return merkleRoot(all);
}

describe('an upload that broke off', () => {
  it.each([
    ['all that was noted', 10],
    ['less', 8],
    ['more', 11],
  ])('goes on where the root is, which has %s', async (_, there) => {
    await brokenOff(10);
    const { upload, readFrom } = await open();
    await upload.catchUp(undefined);
    expect(readFrom).toEqual([0]);
    expect(await upload.agree(kept(there), undefined)).toBe(there);
    expect(readFrom.slice(1)).toEqual(there > 10 ? [10 * MIB] : []);
    await send(upload, there);
    await upload.checkSource();
    expectWhole(upload);
  });

  it.each([
    ['other chunks', { ...kept(9), merkleRoot: new Uint8Array(32) }],
    ['more than there is', { ...kept(9), chunks: CHUNKS + 1 }],
    ['nothing', undefined],
  ])('begins anew where the root has %s', async (_, there) => {
    await brokenOff(10);
    const { upload } = await open();
    await upload.catchUp(undefined);
    expect(await upload.agree(there, undefined)).toBe(0);
    await send(upload, 0);
    expectWhole(upload);
  });

  it('reads nothing a second time in a later attempt of the same run', async () => {
    const { upload, readFrom } = await open();
    await upload.catchUp(undefined);
    await upload.agree(undefined, undefined);
    await send(upload, 0, 11);
    await upload.catchUp(undefined);
    expect(await upload.agree(kept(9), undefined)).toBe(9);
    expect(readFrom).toEqual([]);
    await send(upload, 9);
    expectWhole(upload);
  });

  it('is another one when the file was changed, though its size and time are the same', async () => {
    const past = new Date(1_700_000_000_000);
    await utimes(path, past, past);
    await brokenOff(10);
    await writeFile(path, content.fill(99, 0, 1));
    await utimes(path, past, past);
    const { upload, readFrom } = await open();
    await upload.catchUp(undefined);
    expect(readFrom).toEqual([]);
    content.fill(1, 0, 1);
  });

  it('is not signed when the file is changed after it was gone on with', async () => {
    await brokenOff(10);
    const { upload } = await open();
    await upload.catchUp(undefined);
    await upload.agree(kept(10), undefined);
    await appendFile(path, 'more');
    await expect(upload.checkSource()).rejects.toThrow(/was changed while it was being stored/);
    expect(upload.isStale).toBe(true);
  });

  it('is forgotten when it was stored, or refused', async () => {
    for (const end of [undefined, new BadMessageError('refused')]) {
      await brokenOff(10);
      const { upload } = await open();
      await upload.end(end);
      const { upload: next, readFrom } = await open();
      await next.catchUp(undefined);
      expect(readFrom).toEqual([]);
      await next.end();
    }
  });

  it('is not made of a small file, nor of a pipe or bytes', async () => {
    await writeFile(path, content.subarray(0, 8 * MIB - 1));
    await expect(open()).rejects.toThrow('no upload');
    const place = { uploadsDir: dir, reader: { networkId: new Uint8Array(32) }, parameters: DEFAULT_PARAMETERS };
    expect(await Upload.open(place, 'n', await openSource(content, MIB))).toBeUndefined();
  });
});
