import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inChunks, openSource } from '../../src/client/source.ts';

async function* from(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const list: Uint8Array[] = [];
  for await (const chunk of chunks) list.push(new Uint8Array(chunk));
  return list;
}

describe('inChunks', () => {
  it('cuts pieces of any sizes into whole chunks and a last one, losing and changing nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 23 })),
        fc.integer({ min: 1, max: 16 }),
        async (pieces, size) => {
          const chunks = await all(inChunks(from(pieces), size));
          expect(Buffer.concat(chunks)).toEqual(Buffer.concat(pieces));
          expect(chunks.slice(0, -1).every((chunk) => chunk.length === size)).toBe(true);
          expect(chunks.at(-1)?.length).toBeLessThanOrEqual(size);
          expect(chunks.length).toBe(Math.max(1, Math.ceil(Buffer.concat(pieces).length / size)));
        },
      ),
    );
  });

  it('lets the owner of a piece use its buffer again', async () => {
    const reusing = async function* (): AsyncGenerator<Uint8Array> {
      const buffer = new Uint8Array(3);
      for (let value = 0; value < 5; value++) yield await Promise.resolve(buffer.fill(value));
    };
    expect(Buffer.concat(await all(inChunks(reusing(), 4)))).toEqual(
      Buffer.from([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]),
    );
  });
});

describe('openSource', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'p2p-source-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  it('knows the size, mode and time of a file, and reads it twice', async () => {
    const path = join(dir, 'file');
    await writeFile(path, 'content', { mode: 0o640 });
    const source = await openSource({ path }, 4096);
    expect(source).toMatchObject({ size: 7, mode: 0o640, replayable: true });
    for (let reading = 0; reading < 2; reading++) {
      expect(Buffer.concat(await all(source.pieces(undefined))).toString()).toBe('content');
    }
  });

  it.each([0, 1, 4095, 4096, 4097, 8192, 40_961])('reads a file of %d bytes as it is', async (size) => {
    const path = join(dir, `sized-${String(size)}`);
    const content = randomBytes(size);
    await writeFile(path, content);
    const source = await openSource({ path }, 4096);
    expect(Buffer.concat(await all(inChunks(source.pieces(undefined), 4096))).equals(content)).toBe(true);
  });

  it('keeps a piece until the one after the next is asked for', async () => {
    const path = join(dir, 'pieces');
    const content = randomBytes(10 * 4096);
    await writeFile(path, content);
    let before: Uint8Array | undefined;
    let index = 0;
    for await (const piece of (await openSource({ path }, 4096)).pieces(undefined)) {
      expect(content.subarray(index * 4096, (index + 1) * 4096).equals(piece)).toBe(true);
      if (before !== undefined) expect(content.subarray((index - 1) * 4096, index * 4096).equals(before)).toBe(true);
      before = piece;
      index++;
    }
    expect(index).toBe(10);
  });

  it('says what is wrong with a path', async () => {
    await expect(openSource({ path: join(dir, 'nowhere') }, 4096)).rejects.toThrow('there is no such file');
    await expect(openSource({ path: dir }, 4096)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('does not take a pipe for something that can be read again', async () => {
    expect(await openSource(from([]), 4096)).toMatchObject({ size: undefined, replayable: false });
  });
});
