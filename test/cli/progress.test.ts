import { describe, expect, it } from 'vitest';
import {
  expectFile,
  formatBytes,
  formatDuration,
  formatTotals,
  trackFile,
  type Totals,
} from '../../src/cli/progress.ts';

const none = (): Totals => ({ bytesDone: 0, bytesSkipped: 0, bytesTotal: 0, openEnded: 0, filesDone: 0, files: 0 });

describe('the progress of a call', () => {
  it('puts sizes and times into words', () => {
    expect([0, 1023, 1024, 1024 ** 2 * 1.5, 1024 ** 5].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.5 MiB',
      '1024.0 TiB',
    ]);
    expect([0, 6.2, 65, 3609].map(formatDuration)).toEqual(['0 s', '7 s', '1:05', '1:00:09']);
  });

  it('names rate and remaining time once there is a rate', () => {
    const totals = { ...none(), bytesDone: 1024, bytesTotal: 4096, files: 1 };
    expect(formatTotals(totals, 100)).toBe('1.0 KiB of 4.0 KiB');
    expect(formatTotals(totals, 1000)).toBe('1.0 KiB of 4.0 KiB  1.0 KiB/s  3 s left');
  });

  it('names no total while a size is unknown', () => {
    expect(formatTotals({ ...none(), bytesDone: 2048, openEnded: 1, files: 2, filesDone: 1 }, 1000)).toBe(
      '1 of 2 files  2.0 KiB  2.0 KiB/s',
    );
  });

  it('adds up files of known and unknown size', () => {
    const totals = none();
    expectFile(totals, 10);
    expectFile(totals, undefined);
    const [known, unknown] = [trackFile(totals, 10), trackFile(totals, undefined)];
    known.update(4, 10);
    unknown.update(7, undefined);
    expect(totals).toEqual({ bytesDone: 11, bytesSkipped: 0, bytesTotal: 10, openEnded: 1, filesDone: 0, files: 2 });
    known.update(10, 10);
    known.done();
    unknown.done();
    unknown.done();
    expect(totals).toEqual({ bytesDone: 17, bytesSkipped: 0, bytesTotal: 17, openEnded: 0, filesDone: 2, files: 2 });
  });

  it('counts what is there already as done, and not as moved', () => {
    const totals = none();
    expectFile(totals, undefined);
    const progress = trackFile(totals, undefined);
    progress.skip(6 * 1024, 8 * 1024);
    expect(formatTotals(totals, 1000)).toBe('6.0 KiB of 8.0 KiB');
    progress.update(7 * 1024, 8 * 1024);
    expect(formatTotals(totals, 1000)).toBe('7.0 KiB of 8.0 KiB  1.0 KiB/s  1 s left');
  });
});
