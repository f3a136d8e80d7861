import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InTurn } from '../../src/cli/batch.ts';
import { parseLine, readBatch, type BatchLine } from '../../src/cli/batch-lines.ts';

describe('a line of a batch', () => {
  it.each([
    ['put a b', { op: 'put', name: 'a', path: 'b' }],
    ['  get\ta   b  ', { op: 'get', name: 'a', path: 'b' }],
    ['rm a', { op: 'rm', name: 'a' }],
    ['rm a # no longer needed', { op: 'rm', name: 'a' }],
    ['rm a#b', { op: 'rm', name: 'a#b' }],
    ['rm "#a"', { op: 'rm', name: '#a' }],
    ['put "a name" "a \\"path\\" \\\\ b"', { op: 'put', name: 'a name', path: 'a "path" \\ b' }],
    ['put a\\ b c" d"e', { op: 'put', name: 'a b', path: 'c de' }],
    ["rm it's", { op: 'rm', name: "it's" }],
    ['rm a\r', { op: 'rm', name: 'a' }],
  ])('%s', (text, operation) => {
    expect(parseLine(text)).toEqual(operation);
  });

  it.each(['', '   ', '# put a b', '\t# x'])('"%s" says nothing', (text) => {
    expect(parseLine(text)).toBeUndefined();
  });

  it.each([
    ['move a b', 'no operation'],
    ['put a', 'put NAME PATH'],
    ['put a b c', 'put NAME PATH'],
    ['rm', 'rm NAME'],
    ['rm a b', 'rm NAME'],
    ['put "a b', 'not closed'],
    ['put a b\\', 'backslash'],
    ['rm ""', 'empty'],
    ['put a -', 'path of a file'],
    ['get a ""', 'path of a file'],
  ])('%s is refused', (text, reason) => {
    expect(() => parseLine(text)).toThrow(reason);
  });

  it('takes every name and path, once it is quoted', () => {
    const quote = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
    const word = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((text) => !/\p{Cc}/u.test(text));
    fc.assert(
      fc.property(word, word, (name, path) => {
        fc.pre(path !== '-');
        expect(parseLine(`put ${quote(name)} ${quote(path)}`)).toEqual({ op: 'put', name, path });
      }),
    );
  });
});

describe('reading a batch', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'p2p-batch-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  async function read(content: string | Uint8Array): Promise<string[]> {
    const file = join(dir, 'jobs');
    await writeFile(file, content);
    const lines: BatchLine[] = [];
    for await (const line of readBatch(file, new AbortController().signal)) lines.push(line);
    return lines.map((line) => {
      return `${String(line.line)} ${line.op === 'none' ? (line.error as Error).message : `${line.op} ${line.name}`}`;
    });
  }

  it('counts every line, goes on after bad ones, and needs no newline at the end', async () => {
    expect(await read('# jobs\nput a b\n\nnonsense\nrm ü')).toEqual([
      '2 put a',
      expect.stringMatching(/^4 "nonsense" is no operation/),
      '5 rm ü',
    ]);
  });

  it('refuses a line that is too long or not UTF-8, and only that', async () => {
    const long = Buffer.from(`rm ${'x'.repeat(300_000)}\nrm a\n`);
    const bytes = Buffer.concat([Buffer.from('rm '), Buffer.of(0xff), Buffer.from('\nrm b\n'), long]);
    expect(await read(bytes)).toEqual(['1 the line is not UTF-8', '2 rm b', '3 the line is too long', '4 rm a']);
  });

  it('fails when there is no such file', async () => {
    const reading = readBatch(join(dir, 'none'), new AbortController().signal);
    await expect(reading.next()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('what is about the same name', () => {
  it('goes one after the other in the order of the calls, others beside it, and on after a failure', async () => {
    const inTurn = new InTurn();
    const events: string[] = [];
    const gate = Promise.withResolvers<undefined>();
    const first = inTurn.run('a', async () => {
      await gate.promise;
      events.push('first');
      throw new Error('it failed');
    });
    const second = inTurn.run('a', () => {
      events.push('second');
      return Promise.resolve();
    });
    await inTurn.run('b', () => {
      events.push('other');
      return Promise.resolve();
    });
    gate.resolve(undefined);
    await expect(first).rejects.toThrow('it failed');
    await second;
    expect(events).toEqual(['other', 'first', 'second']);
  });
});
