/**
 * The options that the commands have in common, and the rule that every one of them has a twin in the environment:
 * `--repair-delay` is P2P_REPAIR_DELAY. A variable that is empty counts as not set; for a switch, so do 0, no and
 * false. Lists are separated by commas or spaces.
 */

import { InvalidArgumentError, Option } from 'commander';
import type { LogLevel } from './console-log.ts';

const OFF = new Set(['', '0', 'no', 'false']);
const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

/** A switch that was not given is absent. */
export type CommonOptions = { json?: true; logLevel: LogLevel };
export type ClientOptions = CommonOptions & {
  discovery?: string[];
  storage: string;
  configDir?: string;
  identity?: string;
  quiet?: true;
};

export function environmentName(long: string): string {
  return `P2P_${long.replace(/^--/, '').replaceAll('-', '_').toUpperCase()}`;
}

/** An option together with its twin. */
export function option(flags: string, description: string): Option {
  const made = new Option(flags, description);
  const name = environmentName(made.long ?? flags);
  const value = process.env[name];
  const unset = value === '' || (made.isBoolean() && OFF.has(value?.toLowerCase() ?? ''));
  if (unset) Reflect.deleteProperty(process.env, name);
  return made.env(name);
}

/** An option that may be given several times. */
export function listOption(flags: string, description: string): Option {
  return option(flags, description).argParser((value: string, previous?: string[]) => [
    ...(previous ?? []),
    ...value.split(/[\s,]+/).filter((part) => part !== ''),
  ]);
}

/** Parses a whole number between two bounds, both included. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${String(min)} to ${String(max)}.`);
    }
    return value;
  };
}

/** Parses a number of seconds, fractions allowed, into milliseconds. */
export function secondsToMs(text: string): number {
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || !Number.isFinite(seconds)) {
    throw new InvalidArgumentError('It must be a number of seconds.');
  }
  return Math.round(seconds * 1000);
}

const VERSION_TEXT = /^[1-9]\d*-[0-9a-f]{32}$/;

/** Checks a file's version, as the commands print it. */
export function versionText(text: string): string {
  if (VERSION_TEXT.test(text)) return text;
  throw new InvalidArgumentError(
    'It must be a version, as `p2p-peer stat` shows it: 3-0123456789abcdef0123456789abcdef.',
  );
}

export function jsonOption(): Option {
  return option('--json', 'print one JSON object per line on stdout');
}

export function logLevelOption(level: LogLevel): Option {
  return option('--log-level <level>', 'how much to say on stderr').choices(LOG_LEVELS).default(level);
}

const SIZE = /^(\d+(?:\.\d+)?)([KMGTP]?)(?:i?B)?$/i;
const SIZE_UNITS = ['', 'K', 'M', 'G', 'T', 'P'];

/** Parses a number of bytes such as 50G, 1.5T or 4096; K is 1,024. */
export function byteCount(text: string): number {
  const [, digits, unit = ''] = SIZE.exec(text) ?? [];
  const bytes = Math.round(Number(digits) * 1024 ** SIZE_UNITS.indexOf(unit.toUpperCase()));
  if (digits === undefined || !Number.isSafeInteger(bytes)) {
    throw new InvalidArgumentError('It must be a size, such as 50G, 1.5T or 500M.');
  }
  return bytes;
}

/** Where a peer keeps its files: also where commands on the same machine find it. */
export function storageOption(description: string): Option {
  return option('--storage <dir>', description).default('storage/peer');
}

/** Of every command that acts as a person. */
export function identityOptions(): Option[] {
  return [
    option('--identity <file>', 'the client key to act with (default: the one in --config-dir)'),
    option('--config-dir <dir>', 'where this person’s client key is kept'),
  ];
}

export function clientOptions(level: LogLevel = 'silent'): Option[] {
  return [
    listOption('--discovery <multiaddr>', 'address of the discovery peer; may be repeated'),
    storageOption('without --discovery: the directory of a peer of this machine'),
    ...identityOptions(),
    jsonOption(),
    option('--quiet', 'say nothing but errors'),
    logLevelOption(level),
  ];
}
