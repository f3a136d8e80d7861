/**
 * Where a command's words go: with --json one object per line on stdout and nothing else there; for people,
 * messages on stderr, coloured only where the terminal wants it (NO_COLOR is obeyed). A reader of stdout that goes
 * away ends the command quietly.
 */

import { once } from 'node:events';
import { styleText } from 'node:util';
import { failureOf, printable } from './failure.ts';
import { STATUS_FAILED, statusOf } from './exit-status.ts';

export type Output = {
  readonly json: boolean;
  readonly quiet: boolean;
  /** A result: the object with --json, the sentence otherwise (unless --quiet). */
  result(object: object, sentence: string): void;
  /** What was asked for, on stdout: the object with --json, the text otherwise. Waits for a reader that is slow. */
  data(object: object, text: string): Promise<void>;
  /** A message for people, on stderr, unless --quiet. */
  note(text: string): void;
  /** Reports a failure, of one file if a name is given, and returns the exit status that belongs to it. */
  failure(error: unknown, name?: string, line?: number): number;
  /** Called before and after each line on stderr, so that a progress bar can step aside. */
  around: { before(): void; after(): void };
};

export function createOutput(command: string, options: { json?: boolean; quiet?: boolean }): Output {
  const { json = false, quiet = false } = options;
  const around = { before() {}, after() {} };
  const say = (text: string): void => {
    around.before();
    process.stderr.write(`${text}\n`);
    around.after();
  };
  const printJson = (object: object): void => {
    process.stdout.write(`${JSON.stringify(object)}\n`);
  };
  const note = (text: string): void => {
    if (!quiet) say(text.split('\n').map(printable).join('\n'));
  };
  return {
    json,
    quiet,
    around,
    note,
    result(object, sentence) {
      if (json) printJson(object);
      else note(sentence);
    },
    async data(object, text) {
      await writeOut(`${json ? JSON.stringify(object) : text.split('\n').map(printable).join('\n')}\n`);
    },
    failure(error, name, line) {
      const { code, message, remedy } = failureOf(error, command);
      if (json) {
        const where = { ...(name === undefined ? {} : { name }), ...(line === undefined ? {} : { line }) };
        printJson({ error: { code, message, ...where } });
      } else {
        const label = styleText('red', 'error:', { stream: process.stderr });
        const place = line === undefined ? '' : `line ${String(line)}: `;
        const subject = name === undefined || message.startsWith(`${name}: `) ? '' : `${printable(name)}: `;
        say(`${command}: ${label} ${place}${subject}${message}${remedy === undefined ? '' : `\n  ${remedy}`}`);
      }
      return statusOf(code);
    },
  };
}

/** Writes to stdout, and waits where its reader does not keep up, until the signal says stop. */
export async function writeOut(data: string | Uint8Array, signal?: AbortSignal): Promise<void> {
  if (!process.stdout.write(data)) await once(process.stdout, 'drain', signal === undefined ? {} : { signal });
}

/** Resolves when everything that was written so far has left this process. */
export async function flushOutput(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
}

/**
 * Ends the process when stdout or stderr cannot be written to: quietly when whoever read has gone, with a message
 * otherwise, for a full disk, say.
 */
export function endWhenOutputFails(command: string): void {
  const end = (stream: string) => (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && stream === 'stdout') {
      process.stderr.write(`${command}: error: cannot write to stdout: ${failureOf(error, command).message}\n`);
    }
    process.exit(STATUS_FAILED);
  };
  process.stdout.on('error', end('stdout'));
  process.stderr.on('error', end('stderr'));
}
