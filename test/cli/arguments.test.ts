import { describe, expect, it } from 'vitest';
import { checkNames } from '../../src/cli/fetch-arguments.ts';
import { versionText } from '../../src/cli/options.ts';
import { storeOptions } from '../../src/cli/store-files.ts';
import { checkConditions, checkPaths } from '../../src/cli/store-arguments.ts';

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

describe('the conditions of store-file', () => {
  const ifVersion = `1-${'0'.repeat(32)}`;

  it('exclude each other, and name the version of one file only', () => {
    expect(() => {
      checkConditions(['a'], { ifAbsent: true, ifVersion });
    }).toThrow('exclude each other');
    expect(() => {
      checkConditions(['a', 'b'], { ifVersion });
    }).toThrow('one file');
    checkConditions(['a', 'b'], { ifAbsent: true });
    checkConditions(['a'], { ifVersion });
  });

  it('reach the library, as the other options do', () => {
    const common = { logLevel: 'silent', storage: 's' } as const;
    expect(storeOptions({ ...common, as: 'a' })).toEqual({});
    const given = { replicas: 2, wait: 'all', shared: true, ifAbsent: true, ifVersion } as const;
    expect(storeOptions({ ...common, ...given })).toEqual(given);
  });

  it('take a version as it is printed, and nothing else', () => {
    expect(versionText(ifVersion)).toBe(ifVersion);
    for (const text of ['1', '0-', `01-${'0'.repeat(32)}`, `1-${'0'.repeat(31)}`, `1-${'G'.repeat(32)}`]) {
      expect(() => versionText(text), text).toThrow('p2p-peer stat');
    }
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
