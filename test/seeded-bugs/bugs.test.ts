import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SEEDED_BUGS } from './bugs.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (...path: string[]): string => readFileSync(join(ROOT, ...path), 'utf8');

describe('the list of seeded bugs', () => {
  it.each(SEEDED_BUGS)('fits the source: $name', ({ file, find, replace, caughtBy }) => {
    expect(read(file).split(find).length - 1, `"${find}" in ${file}`).toBe(1);
    expect(replace).not.toBe(find);
    if (caughtBy.title.endsWith('.scenario')) {
      expect(existsSync(join(ROOT, 'test/sim/scenarios', caughtBy.title))).toBe(true);
    } else {
      expect(read(caughtBy.file)).toContain(caughtBy.title);
    }
  });

  it('names each bug once', () => {
    expect(new Set(SEEDED_BUGS.map(({ name }) => name)).size).toBe(SEEDED_BUGS.length);
  });
});
