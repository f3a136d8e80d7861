/**
 * Where a command's words go: with --json one object per line on stdout and nothing else there; for people,
 * messages on stderr, coloured only where the terminal wants it (NO_COLOR is obeyed). A reader of stdout that goes
 * away ends the command quietly.
 */

import { styleText } from 'node:util';
import { failureOf, printable } from './failure.ts';
import { STATUS_FAILED, statusOf } from './exit-status.ts';

export type Output = {
  readonly json: boolean;
  readonly quiet: boolean;
  /** A result: the object with --json, the sentence otherwise (unless --quiet). */
  result(object: object, sentence: string): void;
  /** A message for people, on stderr, unless --quiet. */
  note(text: string): void;
  /** Reports a failure, of one file if a name is given, and returns the exit status that belongs to it. */
  failure(error: unknown, name?: string): number;
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
    failure(error, name) {
      const { code, message, remedy } = failureOf(error, command);
      if (json) {
        printJson({ error: { code, message, ...(name === undefined ? {} : { name }) } });
      } else {
        const label = styleText('red', 'error:', { stream: process.stderr });
        const subject = name === undefined || message.startsWith(`${name}: `) ? '' : `${printable(name)}: `;
        say(`${command}: ${label} ${subject}${message}${remedy === undefined ? '' : `\n  ${remedy}`}`);
      }
      return statusOf(code);
    },
  };
}

/** Ends the process quietly when whoever read stdout or stderr has gone. */
export function endWhenReaderGoes(): void {
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') process.exit(STATUS_FAILED);
    throw error;
  };
  process.stdout.on('error', onError);
  process.stderr.on('error', onError);
}
