/** One bar on the terminal for work that is counted, and not moved through this process. */

import type { Output } from './output.ts';

export type Counter = { readonly update: (done: number, total: number) => void; readonly stop: () => void };

const REDRAWS_PER_SECOND = 10;
const none: Counter = { update() {}, stop() {} };

/** @param words stand beside the bar. Shown only where stderr is a terminal and neither --quiet nor --json is given */
export async function createCounter(output: Output, words: (done: number, total: number) => string): Promise<Counter> {
  if (output.json || output.quiet || !process.stderr.isTTY) return none;
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
