/**
 * One progress bar on the terminal for everything a call moves: bytes, rate, remaining time, and how many files
 * where there are several. It is shown only where stderr is a terminal and neither --quiet nor --json is given.
 */

import type { Output } from './output.ts';

const REDRAWS_PER_SECOND = 10;
const RATE_AFTER_MS = 300;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export type FileProgress = {
  /** Absolute, for this file. */
  readonly update: (bytesDone: number, bytesTotal: number | undefined) => void;
  /** So many bytes are there already, from an earlier call: they count as done, and say nothing of the rate. */
  readonly skip: (bytes: number, bytesTotal: number) => void;
  readonly done: () => void;
};

export type Progress = {
  readonly visible: boolean;
  /** Counts a file that will be moved, of so many bytes as far as that is known. */
  expect(bytes: number | undefined): void;
  /** Begins with a file, of the size that was expected. */
  file(bytesExpected: number | undefined): FileProgress;
  stop(): void;
};

export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${UNITS[unit] ?? ''}`;
}

/** `7 s`, `3:05`, `2:00:09`. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${String(whole)} s`;
  const two = (part: number): string => String(part).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours === 0 ? `${String(minutes)}:${two(whole % 60)}` : `${String(hours)}:${two(minutes)}:${two(whole % 60)}`;
}

export type Totals = {
  bytesDone: number;
  /** Of those done, what did not have to be moved. */
  bytesSkipped: number;
  bytesTotal: number;
  openEnded: number;
  filesDone: number;
  files: number;
};

/** The words beside the bar. A total is named only while all sizes are known. */
export function formatTotals(totals: Totals, elapsedMs: number): string {
  const { bytesDone, bytesSkipped, bytesTotal, openEnded, filesDone, files } = totals;
  const bytesMoved = bytesDone - bytesSkipped;
  const known = openEnded === 0;
  const words = [known ? `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}` : formatBytes(bytesDone)];
  if (files > 1) words.unshift(`${String(filesDone)} of ${String(files)} files`);
  if (elapsedMs > RATE_AFTER_MS && bytesMoved > 0) {
    const rate = (bytesMoved / elapsedMs) * 1000;
    words.push(`${formatBytes(rate)}/s`);
    if (known) words.push(`${formatDuration((bytesTotal - bytesDone) / rate)} left`);
  }
  return words.join('  ');
}

const invisible: Progress = {
  visible: false,
  expect() {},
  file: () => ({ update() {}, skip() {}, done() {} }),
  stop() {},
};

export function expectFile(totals: Totals, bytes: number | undefined): void {
  totals.files++;
  if (bytes === undefined) totals.openEnded++;
  else totals.bytesTotal += bytes;
}

export async function createProgress(output: Output): Promise<Progress> {
  if (output.json || output.quiet || !process.stderr.isTTY) return invisible;
  const { default: cliProgress } = await import('cli-progress');
  const totals: Totals = { bytesDone: 0, bytesSkipped: 0, bytesTotal: 0, openEnded: 0, filesDone: 0, files: 0 };
  const startedMs = performance.now();
  const options = {
    stream: process.stderr,
    fps: REDRAWS_PER_SECOND,
    clearOnComplete: true,
    hideCursor: true,
    linewrap: false,
    gracefulExit: false,
    format: '{bar} {words}',
  };
  const bar = new cliProgress.SingleBar(options, cliProgress.Presets.shades_classic);
  let shown = false;
  const draw = (): void => {
    bar.setTotal(Math.max(totals.bytesTotal, totals.bytesDone, 1));
    bar.update(totals.bytesDone, { words: formatTotals(totals, performance.now() - startedMs) });
  };
  const show = (): void => {
    shown = true;
    bar.start(1, 0, { words: '' });
    draw();
  };
  const hide = (): void => {
    if (shown) bar.stop();
    shown = false;
  };
  output.around.before = hide;
  output.around.after = () => {
    if (totals.filesDone < totals.files) show();
  };
  return {
    visible: true,
    expect(bytes) {
      expectFile(totals, bytes);
      if (!shown) show();
    },
    file: (bytesExpected) => {
      const counted = trackFile(totals, bytesExpected);
      return {
        update(bytesDone, total) {
          counted.update(bytesDone, total);
          draw();
        },
        skip(bytes, total) {
          counted.skip(bytes, total);
          draw();
        },
        done() {
          counted.done();
          draw();
        },
      };
    },
    stop() {
      output.around.before = () => {};
      output.around.after = () => {};
      hide();
    },
  };
}

/** Keeps the totals right while the counts of one file, which was expected, change. */
export function trackFile(totals: Totals, bytesExpected: number | undefined): FileProgress {
  let done = 0;
  let total = bytesExpected;
  let open = true;
  const setTotal = (bytes: number | undefined): void => {
    if (bytes === undefined) return;
    if (total === undefined) totals.openEnded--;
    totals.bytesTotal += bytes - (total ?? 0);
    total = bytes;
  };
  const update = (bytesDone: number, bytesTotal: number | undefined): void => {
    if (!open) return;
    totals.bytesDone += bytesDone - done;
    done = bytesDone;
    setTotal(bytesTotal);
  };
  return {
    update,
    skip(bytes, bytesTotal) {
      if (!open) return;
      totals.bytesSkipped += bytes;
      update(bytes, bytesTotal);
    },
    done() {
      if (!open) return;
      open = false;
      setTotal(done);
      totals.filesDone++;
    },
  };
}
