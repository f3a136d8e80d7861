import { describe, expect, it } from 'vitest';
import { checkNames } from '../../src/cli/fetch-arguments.ts';
import { checkPaths } from '../../src/cli/store-arguments.ts';

describe('the arguments of store-file', () => {
  it('give --as to a single path only, and a name to stdin', () => {
    expect(() => {
      checkPaths(['a', 'b'], 'x');
    }).toThrow('several paths');
    expect(() => {
      checkPaths(['-'], undefined);
    }).toThrow('--as NAME');
    checkPaths(['-'], 'x');
    checkPaths(['a'], 'x');
  });

  it('refuse two paths that would get one name', () => {
    expect(() => {
      checkPaths(['x/a', 'y/a/'], undefined);
    }).toThrow('both be stored as a');
    checkPaths(['x/a', 'x/b'], undefined);
  });
});

describe('the arguments of fetch-file', () => {
  it('name something to fetch, once', () => {
    expect(() => {
      checkNames([], {});
    }).toThrow('nothing to fetch');
    expect(() => {
      checkNames(['a', 'a'], {});
    }).toThrow('twice');
    checkNames([], { recursive: '' });
  });

  it('keep --json and content on stdout apart', () => {
    expect(() => {
      checkNames(['a'], { out: '-', json: true });
    }).toThrow('stdout');
  });
});
