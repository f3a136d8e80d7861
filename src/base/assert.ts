/**
 * Assertions for what the code itself must keep true. A failed one is a defect, never bad input:
 * nothing catches it, and the process ends. Bad input gets one of the named errors in errors.ts.
 */

export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** The value, which the caller knows to be there. */
export function defined<T>(value: T | undefined | null, message: string): T {
  if (value === undefined || value === null) throw new InvariantError(message);
  return value;
}
