import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/base/errors.ts';
import { statusOf, statusTable } from '../../src/cli/exit-status.ts';

describe('exit status', () => {
  it.each<[ErrorCode, number]>([
    ['FAILED', 1],
    ['OUTPUT_EXISTS', 1],
    ['USAGE', 2],
    ['INVALID_NAME', 2],
    ['NOT_FOUND', 3],
    ['TOO_FEW_REPLICAS', 4],
    ['CONTENT_CORRUPT', 5],
    ['UNREACHABLE', 6],
    ['NO_SPACE', 7],
    ['VERSION_CONFLICT', 8],
    ['NOT_PERMITTED', 9],
    ['OUTCOME_UNKNOWN', 10],
    ['INTERRUPTED', 130],
  ])('of %s is %i', (code, status) => {
    expect(statusOf(code)).toBe(status);
  });

  it('table lists what is asked for, in order', () => {
    expect(statusTable([3, 0]).split('\n')).toEqual(['Exit status:', '    0  done', '    3  no such file']);
    expect(statusTable()).toContain('  130  interrupted');
  });
});
