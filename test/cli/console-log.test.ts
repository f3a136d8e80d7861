import { describe, expect, it } from 'vitest';
import { formatLogLine } from '../../src/cli/console-log.ts';

describe('a log line', () => {
  it('has time, level, event and fields, each on one line and quoted where needed', () => {
    const fields = { nodeId: 'a1b2', hops: 3, reason: 'no answer\nat all', absent: undefined, empty: '' };
    expect(formatLogLine('2026-01-01T00:00:00.000Z', 'warn', 'hop lost', fields)).toBe(
      '2026-01-01T00:00:00.000Z warn  hop lost nodeId=a1b2 hops=3 reason="no answer at all" empty=""',
    );
  });
});
