/**
 * One bar on the terminal for work that is counted, and not moved through this process; where stderr is no terminal, a
 * line now and then, for such work may take hours.
 */

import type { Output } from './output.ts';

export type Counter = { readonly update: (done: number, total: number) => void; readonly stop: () => void };

const REDRAWS_PER_SECOND = 10;
const NOTE_GAP_MS = 10_000;
const none: Counter = { update() {}, stop() {} };

/** @param words stand beside the bar. Shown only where neither --quiet nor --json is given */
export async function createCounter(output: Output, words: (done: number, total: number) => string): Promise<Counter> {
  if (output.json || output.quiet) return none;
  if (!process.stderr.isTTY) return lines(output, words);
  const { default: cliProgress } = await import('cli-progress');
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
  return {
    update(done, total) {
      if (!shown) bar.start(Math.max(total, 1), 0, { words: '' });
      shown = true;
      bar.setTotal(Math.max(total, 1));
      bar.update(done, { words: words(done, total) });
    },
    stop() {
      if (shown) bar.stop();
      shown = false;
    },
  };
}

function lines(output: Output, words: (done: number, total: number) => string): Counter {
  let notedAt = performance.now();
  return {
    update(done, total) {
      if (performance.now() - notedAt < NOTE_GAP_MS) return;
      notedAt = performance.now();
      output.note(words(done, total));
    },
    stop() {},
  };
}
