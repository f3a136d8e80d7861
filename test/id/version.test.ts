import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, formatVersion, parseVersion, VERSION_COUNTER_MAX } from '../../src/id/version.ts';

describe('a version as text', () => {
  it('is read back as it was', () => {
    const version = fc.record({
      counter: fc.integer({ min: 1, max: VERSION_COUNTER_MAX }),
      tag: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    });
    fc.assert(
      fc.property(version, (given) => {
        const read = parseVersion(formatVersion(given));
        expect(read !== undefined && compareVersions(read, given) === 0).toBe(true);
      }),
    );
  });

  it.each([
    '',
    '1',
    `1-${'0'.repeat(31)}`,
    `1-${'0'.repeat(34)}`,
    `0-${'0'.repeat(32)}`,
    `1-${'G'.repeat(32)}`,
    `99999999999999999-${'0'.repeat(32)}`,
  ])('"%s" is none', (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });
});
