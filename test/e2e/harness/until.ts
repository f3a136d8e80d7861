/** Waiting for what comes about by itself: asked for again and again, within a deadline, never for a fixed time. */

const PAUSE_MS = 20;
const TIMEOUT_MS = 20_000;

/**
 * The first answer that is neither undefined nor false. What `probe` throws is thrown.
 *
 * @throws Error naming what did not come about
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = TIMEOUT_MS,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`did not come about within ${String(timeoutMs)} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** The outcome of a promise, if there is one within the deadline. @throws Error naming what took too long */
export async function within<T>(
  what: string,
  promise: Promise<T>,
  timeoutMs: number,
  onTimeout?: () => string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const more = onTimeout?.();
      reject(new Error(`${what} took more than ${String(timeoutMs)} ms${more === undefined ? '' : `\n${more}`}`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
