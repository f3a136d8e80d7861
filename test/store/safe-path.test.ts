import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkName } from '../../src/id/key.ts';
import { safePath } from '../../src/store/safe-path.ts';

const CUT = /%-[0-9a-f]{64}$/;

/** Everything that a file system may take two names for one by. */
const FOLDINGS: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'lower case': (text) => text.toLowerCase(),
  'upper case': (text) => text.toUpperCase(),
  NFC: (text) => text.normalize('NFC'),
  NFD: (text) => text.normalize('NFD'),
  NFKC: (text) => text.normalize('NFKC'),
  NFKD: (text) => text.normalize('NFKD'),
  'full case folding of NFKD': (text) => text.normalize('NFKD').toUpperCase().toLowerCase().normalize('NFKD'),
  'without what is ignored': (text) => text.replace(/\p{Default_Ignorable_Code_Point}/gu, '').toLowerCase(),
};

function fileName(name: string): string {
  return safePath(name).slice(3);
}

/** Reads the name back from a path that a file system may have folded. Written apart from the encoder, on purpose. */
function nameFromFolded(folded: string): string {
  const lower = Array.from(folded.normalize('NFKD').toUpperCase(), (character) => character.toLowerCase()).join('');
  const [, body = '', bitmap = ''] = /^(.*?)(?:%\+([0-9a-f]+))?$/su.exec(lower.normalize('NFC')) ?? [];
  const bits = Array.from(bitmap, (digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('');
  let letter = 0;
  const restored = body.replace(/%[0-9a-f]{2}|[a-z]/g, (match) => {
    if (match.startsWith('%')) return match;
    return bits[letter++] === '1' ? match.toUpperCase() : match;
  });
  return decodeURIComponent(restored);
}

function isName(name: string): boolean {
  try {
    checkName(name);
    return true;
  } catch {
    return false;
  }
}

const tricky = fc.constantFrom(
  ...['.', '..', '%', '%41', '%+8', '%-', '/', '\\', ' ', 'A', 'a', 'K', 'ſ', 's', 'S', 'ß', 'ẞ', 'İ', 'ı', 'i', 'I'],
  ...['é', 'e\u0301', 'E\u0301', '\u0301', '\u0323', 'Å', 'Å', 'å', 'ﬁ', 'ς', 'σ', 'Σ', '가', '\u1100', '\u1161'],
  ...[
    '\u200d',
    '\ufe0f',
    '👩',
    '😀',
    '１',
    '²',
    'Ǆ',
    'ǅ',
    'ǆ',
    '\u0345',
    'ͅι',
    'ᾳ',
    'ᾼ',
    'ŉ',
    'ʼn',
    '\u{10ffff}',
    'con',
    '-',
  ],
);
const names = fc
  .oneof(
    fc.array(tricky, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('')),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    fc.string({ unit: fc.constantFrom('a', 'B', 'é', '%', '.', '字'), minLength: 60, maxLength: 340 }),
  )
  .filter(isName);

describe('safePath', () => {
  it.each([
    ['report 2024.txt', 'report 2024.txt'],
    ['README.md', 'README.md%+fc'],
    ['naïve café.txt', 'naïve café.txt'],
    ['日本語.txt', '日本語.txt'],
    ['-rf', '-rf'],
    ['a/b/c', 'a%2Fb%2Fc'],
    ['../../etc/passwd', '%2E.%2F..%2Fetc%2Fpasswd'],
    ['..', '%2E%2E'],
    ['.', '%2E'],
    ['.profile', '%2Eprofile'],
    ['100%', '100%25'],
    ['ends with dot.', 'ends with dot%2E'],
    ['ends with space ', 'ends with space%20'],
    ['nul.txt', '%6Eul.txt'],
    ['cafe\u0301', 'cafe%CC%81'],
  ])('writes %j as %j', (name, expected) => {
    expect(fileName(name)).toBe(expected);
  });

  it('puts a file below the first byte of its key', () => {
    // SHA-256 of "a" begins with ca97.
    expect(safePath('a')).toBe('ca/a');
  });

  it('keeps every path inside its directory, within what file systems take', () => {
    fc.assert(
      fc.property(names, (name) => {
        const path = safePath(name);
        expect(path).toMatch(/^[0-9a-f]{2}\/[^/\0]+$/);
        expect(path.slice(3)).not.toMatch(/^\.|[. ]$/);
        expect(Buffer.byteLength(path.slice(3))).toBeLessThanOrEqual(255);
        expect(path.isWellFormed()).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(Object.keys(FOLDINGS))('lets the name be read back after folding: %s', (title) => {
    const folding = FOLDINGS[title] ?? String;
    fc.assert(
      fc.property(names, (name) => {
        const path = fileName(name);
        if (CUT.test(path)) return;
        expect(nameFromFolded(folding(path))).toBe(name);
      }),
      { numRuns: 2000 },
    );
  });

  it('tells names apart that are cut, by their whole hash', () => {
    const long = 'long/'.repeat(60);
    const paths = ['a', 'b', 'A', 'é', 'e\u0301'].map((end) => fileName(long + end));
    for (const path of paths) expect(path).toMatch(CUT);
    expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(paths.length);
  });

  it('cuts between characters, never inside an encoded one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), fc.constantFrom('字', '/', '\u200d', 'é', '😀'), (shift, unit) => {
        const path = fileName('x'.repeat(shift) + unit.repeat(Math.floor(1000 / Buffer.byteLength(unit))));
        expect(path).toMatch(CUT);
        expect(() => decodeURIComponent(path.replace(CUT, ''))).not.toThrow();
        expect(Buffer.byteLength(path)).toBeGreaterThan(255 - 12);
      }),
    );
  });

  it('never gives an uncut name the look of a cut one', () => {
    expect(fileName(`a%-${'0'.repeat(64)}`)).toBe(`a%25-${'0'.repeat(64)}`);
    expect(fileName('a%+8')).toBe('a%25+8');
  });
});
