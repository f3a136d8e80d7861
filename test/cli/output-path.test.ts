import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileNameOfName, pathOfName } from '../../src/cli/output-path.ts';

const path = (name: string): string => pathOfName(name).join('/');

describe('the path of a name', () => {
  it('is the name itself where that is safe, spaces, Unicode and percent signs included', () => {
    for (const name of ['a', 'a/b/c', 'a b', 'é', 'e\u0301', '-x', '.hidden', '...', '100%.txt', '%41', '%2e']) {
      expect(path(name)).toBe(name);
    }
  });

  it.each([
    ['..', '%2E%2E'],
    ['.', '%2E'],
    ['../../etc/passwd', '%2E%2E/%2E%2E/etc/passwd'],
    ['/etc/passwd', '%/etc/passwd'],
    ['a//b', 'a/%/b'],
    ['a/', 'a/%'],
    ['a/./b', 'a/%2E/b'],
    ['%', '%25'],
    ['%2E', '%252E'],
    ['%252E%2E', '%25252E%2E'],
    ['a\u0000b', 'a%00b'],
  ])('encodes what cannot be a component: %j', (name, expected) => {
    expect(path(name)).toBe(expected);
  });

  it('stays below the directory that it is joined to, whatever the name', () => {
    const nasty = fc.array(fc.constantFrom('.', '..', '', '/', '%', '%2E', '%25', 'a', '\u0000', 'é'), {
      minLength: 1,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          nasty.map((parts) => parts.join('')),
          nasty.map((parts) => parts.join('/')),
        ),
        (name) => {
          const joined = posix.join('/out', path(name));
          expect(joined.startsWith('/out/')).toBe(true);
          expect(joined).toBe(`/out/${path(name)}`);
        },
      ),
    );
  });

  it('is never shared by two names', () => {
    const component = fc
      .array(fc.constantFrom('%', '25', '2E', '.', 'a'), { maxLength: 6 })
      .map((parts) => parts.join(''));
    const name = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(path(a) === path(b)).toBe(a === b);
      }),
      { numRuns: 2_000 },
    );
  });

  it('cuts a component that no file system takes, at a whole character, and tells two such apart by their hash', () => {
    const [a, b] = ['é'.repeat(500) + 'a', 'é'.repeat(500) + 'b'].map(path);
    expect(a).not.toBe(b);
    expect(a).toMatch(/^é+%~[0-9a-f]{32}$/);
    expect(Buffer.byteLength(a ?? '')).toBeLessThanOrEqual(255);
    expect(path('x'.repeat(255))).toBe('x'.repeat(255));
  });
});

describe('the file name of a name', () => {
  it.each([
    ['a/b/c', 'c'],
    ['../../etc/passwd', 'passwd'],
    ['a/', 'a'],
    ['..', '%2E%2E'],
    ['a/..', '%2E%2E'],
    ['/', '%'],
  ])('is its last component, made safe: %j', (name, expected) => {
    expect(fileNameOfName(name)).toBe(expected);
  });
});
