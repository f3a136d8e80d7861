import { describe, expect, it } from 'vitest';
import { NotFoundError, UsageError } from '../../src/base/errors.ts';
import { failureOf, printable } from '../../src/cli/failure.ts';

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: whatever, open '${path}'`), { code, path, syscall: 'open' });
}

describe('a failure', () => {
  it('names its code, cause and remedy', () => {
    const failure = failureOf(new NotFoundError('no file is named "x"'), 'fetch-file');
    expect(failure).toMatchObject({ code: 'NOT_FOUND', message: 'no file is named "x"' });
    expect(failure.remedy).toContain('spelling');
  });

  it('points wrong usage to the help page of its command', () => {
    expect(failureOf(new UsageError('no'), 'store-file').remedy).toBe('See `store-file --help`.');
  });

  it('puts errors of the operating system into words, a full disk under its own code', () => {
    expect(failureOf(systemError('ENOENT', '/a'), 'x')).toMatchObject({
      code: 'FAILED',
      message: '/a: no such file or directory on this machine',
    });
    expect(failureOf(systemError('ENOSPC', '/a'), 'x').code).toBe('NO_SPACE');
  });

  it('hands no control characters to the terminal', () => {
    expect(printable('a\u001b[31mb\r\nc\u009bd')).toBe('a [31mb c d');
    expect(failureOf(new Error('a\u001b[2Jb'), 'x').message).toBe('a [2Jb');
  });
});
