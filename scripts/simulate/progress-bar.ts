/** One bar on the terminal for the phase that an experiment is in. Nothing where stderr is not a terminal. */

import { Presets, SingleBar } from 'cli-progress';
import type { Progress } from '../../src/sim/experiment.ts';

const REDRAWS_PER_SECOND = 10;

export class ProgressBar {
  readonly #bar: SingleBar | undefined;

  constructor() {
    if (!process.stderr.isTTY) return;
    const format = '{bar} {percentage} %  {phase}';
    this.#bar = new SingleBar(
      {
        stream: process.stderr,
        fps: REDRAWS_PER_SECOND,
        clearOnComplete: true,
        hideCursor: true,
        gracefulExit: false,
        format,
      },
      Presets.shades_classic,
    );
    this.#bar.start(100, 0, { phase: '' });
  }

  show({ phase, share }: Progress): void {
    this.#bar?.update(Math.floor(share * 100), { phase });
  }

  stop(): void {
    this.#bar?.stop();
  }
}
