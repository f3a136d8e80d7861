/** A log of human lines on stderr: time, level, event, then `key=value` pairs. */

import type { Log, LogFields } from '../base/log.ts';
import { printable } from './failure.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

function formatField([key, value]: readonly [string, string | number | boolean | undefined]): string {
  if (value === undefined) return '';
  const text = printable(String(value));
  return ` ${key}=${/[\s"=]/.test(text) || text === '' ? JSON.stringify(text) : text}`;
}

/** The line for an event, without its end. `time` is an ISO time. */
export function formatLogLine(time: string, level: LogLevel, event: string, fields: LogFields = {}): string {
  return `${time} ${level.padEnd(5)} ${printable(event)}${Object.entries(fields).map(formatField).join('')}`;
}

export function consoleLog(level: LogLevel): Log {
  const logAt = (lineLevel: LogLevel) =>
    RANK[lineLevel] < RANK[level]
      ? () => {}
      : (event: string, fields?: LogFields) => {
          process.stderr.write(`${formatLogLine(new Date().toISOString(), lineLevel, event, fields)}\n`);
        };
  return { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') };
}
