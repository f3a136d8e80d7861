/**
 * Ctrl-C and its kin. The first one aborts a signal, whose users clean up; a second one ends the process at once.
 * A launcher or npm may pass on a signal that the terminal has sent to the whole group already, so a second one
 * counts only after a moment in which no hand presses twice. Clean-up that hangs is cut short.
 */

import { InterruptedError } from '../base/errors.ts';
import { STATUS_INTERRUPTED } from './exit-status.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SAME_PRESS_MS = 250;

/**
 * @param cleanUpMsMax after the first signal the process ends at the latest so long after
 * @param lateStatus its exit status then
 */
export function onInterrupt(cleanUpMsMax: number, lateStatus: number = STATUS_INTERRUPTED): AbortSignal {
  const controller = new AbortController();
  let firstMs: number | undefined;
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (firstMs === undefined) {
        firstMs = performance.now();
        setTimeout(() => process.exit(lateStatus), cleanUpMsMax).unref();
        controller.abort(new InterruptedError('interrupted'));
      } else if (performance.now() - firstMs > SAME_PRESS_MS) {
        process.exit(STATUS_INTERRUPTED);
      }
    });
  }
  return controller.signal;
}
