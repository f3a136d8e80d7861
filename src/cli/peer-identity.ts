/** `p2p-peer identity …`: what it does once its arguments are parsed. */

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { defaultConfigDir, Identity, keyFileIn } from '../client/identity.ts';
import { exportKey, importKey, keyBytes, keyFromBytes, newKeyFile, ownerOf } from '../client/key-files.ts';
import { makeDirectory } from '../client/make-directory.ts';
import { STATUS_DONE } from './exit-status.ts';
import { createOutput, writeOut, type Output } from './output.ts';

export type IdentityOptions = {
  readonly configDir?: string;
  readonly identity?: string;
  readonly force?: true;
  readonly json?: true;
};

const STANDARD = '-';
const CONFIG_MODE = 0o700;

export function showIdentity(options: IdentityOptions): Promise<number> {
  return acting('show', options, async (output) => {
    const { key, file } = await present(options);
    const owner = ownerOf(key);
    await output.data({ owner, file }, `${owner}\n${file}`);
  });
}

export function exportIdentity(to: string, options: IdentityOptions): Promise<number> {
  return acting('export', options, async (output) => {
    const { key } = await present(options);
    const owner = ownerOf(key);
    if (to !== STANDARD) {
      await exportKey(key, to);
      output.result({ owner, file: resolve(to) }, `wrote the key of ${owner} to ${to}; keep it to yourself`);
      return;
    }
    if (options.json === true) throw new UsageError('--json and the key both want stdout; name a file');
    if (process.stdout.isTTY) throw new UsageError('a key is not for the screen: name a file, or lead stdout into one');
    await writeOut(keyBytes(key));
  });
}

export function importIdentity(from: string, options: IdentityOptions): Promise<number> {
  return acting('import', options, async (output) => {
    if (options.identity !== undefined)
      throw new UsageError('import makes a key your own; --identity does not go with it');
    const bytes = from === STANDARD ? await readStdin() : await readFile(from);
    const key = keyFromBytes(bytes, from === STANDARD ? 'stdin' : from);
    const configDir = configDirOf(options);
    await makeDirectory(configDir, { mode: CONFIG_MODE });
    const file = keyFileIn(configDir);
    const { keptOld } = await importKey(key, file, options.force === true);
    const owner = ownerOf(key);
    const aside = keptOld === undefined ? '' : `; the key that was there is now ${keptOld}`;
    output.result({ owner, file, ...(keptOld === undefined ? {} : { keptOld }) }, `you are ${owner} now${aside}`);
  });
}

export function newIdentity(file: string, options: IdentityOptions): Promise<number> {
  return acting('new', options, async (output) => {
    const owner = ownerOf(await newKeyFile(file));
    output.result({ owner, file: resolve(file) }, `made the key of ${owner} in ${file}`);
  });
}

async function acting(
  command: string,
  options: IdentityOptions,
  act: (output: Output) => Promise<void>,
): Promise<number> {
  const output = createOutput(`p2p-peer identity ${command}`, options);
  try {
    await act(output);
    return STATUS_DONE;
  } catch (error) {
    return output.failure(error);
  }
}

async function present(options: IdentityOptions) {
  const configDir = configDirOf(options);
  const { key } = await Identity.open(configDir, options.identity);
  return { key, file: resolve(options.identity ?? keyFileIn(configDir)) };
}

function configDirOf({ configDir }: IdentityOptions): string {
  return configDir ?? defaultConfigDir();
}

async function readStdin(): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Uint8Array);
  return Buffer.concat(pieces);
}
