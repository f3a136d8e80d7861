import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  byteCount,
  clientOptions,
  environmentName,
  listOption,
  option,
  secondsToMs,
  wholeNumber,
} from '../../src/cli/options.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

function parse(args: string[], make = clientOptions): Record<string, unknown> {
  const command = new Command('x').exitOverride().configureOutput({ writeErr() {} });
  for (const made of make()) command.addOption(made);
  return command.parse(args, { from: 'user' }).opts();
}

describe('options', () => {
  it('have twins in the environment, which the command line overrules', () => {
    expect(environmentName('--repair-delay')).toBe('P2P_REPAIR_DELAY');
    vi.stubEnv('P2P_DISCOVERY', '/ip4/1, /ip4/2');
    vi.stubEnv('P2P_LOG_LEVEL', 'debug');
    expect(parse([])).toMatchObject({ discovery: ['/ip4/1', '/ip4/2'], logLevel: 'debug' });
    expect(parse(['--discovery', '/ip4/3', '--discovery', '/ip4/4'])).toMatchObject({
      discovery: ['/ip4/3', '/ip4/4'],
    });
  });

  it('are not set by an empty twin, nor is a switch by 0, no or false', () => {
    vi.stubEnv('P2P_DISCOVERY', '');
    for (const value of ['', '0', 'no', 'False']) {
      vi.stubEnv('P2P_JSON', value);
      expect(parse([])).toEqual({ logLevel: 'silent', storage: 'storage/peer' });
    }
    vi.stubEnv('P2P_JSON', '1');
    expect(parse([])).toMatchObject({ json: true });
  });

  it('refuse values that are none', () => {
    expect(() => parse(['--log-level', 'loud'])).toThrow('Allowed choices');
    const count = () => [option('--n <n>', '').argParser(wholeNumber(1, 64)), listOption('--m <m>', '')];
    expect(parse(['--n', '64'], count)).toEqual({ n: 64 });
    for (const bad of ['0', '65', '1.5', 'x', '']) expect(() => parse(['--n', bad], count), bad).toThrow();
    expect(secondsToMs('1.5')).toBe(1500);
    for (const bad of ['-1', 'x', '', '1e3']) expect(() => secondsToMs(bad), bad).toThrow();
  });
});

describe('a size', () => {
  it.each([
    ['4096', 4096],
    ['50G', 50 * 1024 ** 3],
    ['1.5t', 1.5 * 1024 ** 4],
    ['500MiB', 500 * 1024 ** 2],
    ['2kB', 2048],
    ['7B', 7],
    ['0', 0],
  ])('%s is %d bytes', (text, bytes) => {
    expect(byteCount(text)).toBe(bytes);
  });

  it.each(['', 'G', '-1', '5 G', '1e9', '9999999P', 'lots'])('"%s" is none', (text) => {
    expect(() => byteCount(text)).toThrow('size');
  });
});
