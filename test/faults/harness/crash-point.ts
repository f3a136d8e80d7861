/**
 * Every call at which a process can die between two changes of its files: taken from a trace of a run that goes through,
 * and then hit one by one in runs that do not. A kill comes before its call has any effect, so what a process leaves when
 * it dies behind a call is what the next point finds.
 *
 * A point is hit only when the trace of the killed run ends in the very call that is meant: counts may shift from run to
 * run, and such a run is made again.
 */

import { CHANGING_CALLS, type TraceOptions, type TracedCall } from './strace.ts';

export type CrashPoint = {
  readonly call: string;
  /** Which of these calls of its thread it is, from 1; of those about one file where there is a path. */
  readonly nth: number;
  /** Below the base of its run, as `what` has it. */
  readonly path: string | undefined;
  /** For people, and the same in every run: names that were made up by chance are left out. */
  readonly what: string;
};

/** The control socket is no part of what is stored; it is made and removed by the main thread. */
const CONTROL = '/control.';

/** Threads wake each other up by such calls too, as often as it happens to be needed. */
const COUNTED_BY_FILE = new Set(['write']);

/**
 * The points of a trace that concern files below `base`, in their order.
 *
 * @throws Error when they are not all of one thread, which is the only one that is killed
 */
export function crashPoints(calls: readonly TracedCall[], thread: number, base: string): CrashPoint[] {
  const counts = new Map<string, number>();
  const points: CrashPoint[] = [];
  for (const traced of calls) {
    const { call, tid } = traced;
    const about = traced.paths.some((path) => path.startsWith(base) && !path.startsWith(base + CONTROL));
    if (tid !== thread) {
      if (about && changes(traced)) throw new Error(`another thread calls ${describeCall(traced, base)}`);
      continue;
    }
    const path = COUNTED_BY_FILE.has(call) ? traced.paths[0] : undefined;
    const key = `${call} ${path ?? ''}`;
    const nth = (counts.get(key) ?? 0) + 1;
    counts.set(key, nth);
    if (about && changes(traced))
      points.push({ call, nth, path: path?.replace(base, ''), what: describeCall(traced, base) });
  }
  return points;
}

/** For `Strace.attach`, of the thread. */
export function killAt({ call, nth, path }: CrashPoint, base: string): TraceOptions {
  const of = path !== undefined && { path: `${base}${path}` };
  return { calls: [call], inject: `signal=SIGKILL:when=${String(nth)}`, ...of };
}

/** Whether a killed run ended in the call that was meant. */
export function isHit(point: CrashPoint, calls: readonly TracedCall[], base: string): boolean {
  const last = calls.at(-1);
  return calls.length === point.nth && last !== undefined && describeCall(last, base) === point.what;
}

function changes({ call, args }: TracedCall): boolean {
  if (call === 'openat' || call === 'open') return args.includes('O_CREAT') || args.includes('O_TRUNC');
  return CHANGING_CALLS.includes(call);
}

function describeCall({ call, paths }: TracedCall, base: string): string {
  const names = paths.map((path) => path.replace(base, '').replace(/[0-9a-f]{32}/g, '<id>'));
  return [call, ...names].join(' ');
}
