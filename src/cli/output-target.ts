/**
 * Where a fetched file goes. One name goes to the path that --out gives, to stdout for `-`, or to the name's last
 * component in the current directory; into a directory, and wherever there are several names, each goes under its
 * whole name. Devices and pipes are written to as they are, through links as well (`>(…)` of a shell is one).
 */

import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeParts } from '../client/file-sink.ts';
import type { FetchTarget } from '../client/types.ts';
import { writeOut } from './output.ts';
import { makeDirectories } from './output-directory.ts';
import { fileNameOfName, pathOfName } from './output-path.ts';

export const STDOUT = '-';

export type Layout =
  | { readonly kind: 'stdout' }
  /** A device or a pipe. */
  | { readonly kind: 'device'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  /** Every name below it, under all its components. */
  | { readonly kind: 'directory'; readonly path: string }
  /** In the current directory, under the name's last component. */
  | { readonly kind: 'here' };

export type Target = {
  /** As it is shown to people. */
  readonly shown: string;
  readonly to: FetchTarget;
  close(): Promise<void>;
};

/** @param several whether the call fetches, or may fetch, more than one file */
export async function planOutput(out: string | undefined, several: boolean): Promise<Layout> {
  if (out === STDOUT || out === '/dev/stdout') return { kind: 'stdout' };
  if (out === undefined) return several ? { kind: 'directory', path: '.' } : { kind: 'here' };
  const found = await stat(out).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (several || out.endsWith('/') || found?.isDirectory() === true) return { kind: 'directory', path: out };
  return { kind: found === undefined || found.isFile() ? 'file' : 'device', path: out };
}

function stdoutTarget(signal: AbortSignal): Target {
  const write = async (parts: readonly Uint8Array[]): Promise<void> => {
    for (const part of parts) await writeOut(part, signal);
  };
  return { shown: STDOUT, to: { write }, close: () => Promise.resolve() };
}

async function deviceTarget(path: string): Promise<Target> {
  const file = await open(path, 'w');
  const write = (parts: readonly Uint8Array[]): Promise<void> => writeParts(file, parts);
  return { shown: path, to: { write }, close: () => file.close() };
}

/** @throws OutputExistsError when something is in the way of the directories */
export async function openTarget(
  layout: Layout,
  name: string,
  options: { readonly overwrite: boolean; readonly signal: AbortSignal },
): Promise<Target> {
  const file = (path: string): Target => ({
    shown: path,
    to: { path, overwrite: options.overwrite },
    close: () => Promise.resolve(),
  });
  switch (layout.kind) {
    case 'stdout':
      return stdoutTarget(options.signal);
    case 'device':
      return deviceTarget(layout.path);
    case 'file':
      return file(layout.path);
    case 'here':
      return file(fileNameOfName(name));
    case 'directory': {
      const components = pathOfName(name);
      const directory = await makeDirectories(layout.path, components.slice(0, -1));
      return file(join(directory, components.at(-1) ?? ''));
    }
  }
}
