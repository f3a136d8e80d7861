/**
 * What a person, or a script, is told of a failure: its code, one line of cause and one of remedy. Errors of the
 * operating system get a code and plain words here; control characters never reach the terminal, for part of a
 * message may have come from another machine.
 */

import { codeOf, messageOf, type ErrorCode } from '../base/errors.ts';

export type Failure = { readonly code: ErrorCode; readonly message: string; readonly remedy: string | undefined };

const REMEDIES: Readonly<Partial<Record<ErrorCode, string>>> = {
  NOT_FOUND: 'Names are compared byte for byte; check the spelling and the path before it.',
  TOO_FEW_REPLICAS: 'Nothing was changed. Start more peers, or ask for less with --replicas or --wait one.',
  CONTENT_CORRUPT: 'Nothing was written. Store the file again from another copy of yours.',
  UNREACHABLE: 'Check that the discovery peer runs, and that --discovery (or P2P_DISCOVERY) is its address.',
  TIMEOUT: 'The network did not answer in time; check that its peers run, then try again.',
  STREAM_CLOSED: 'The connection broke; try again.',
  NO_SPACE: 'Free some space there, or add a peer to the network.',
  VERSION_CONFLICT: 'Somebody stored a newer version meanwhile. Run the command again to replace that one.',
  NOT_PERMITTED: 'The name belongs to another client key; choose another name.',
  NETWORK_CHANGED: 'If the network was set up anew on purpose, start with a new directory.',
  OUTCOME_UNKNOWN: 'Fetch the file to see whether it is there, or store it again.',
  OUTPUT_EXISTS: 'Choose another place with --out, or replace it with --overwrite.',
  BUSY: 'Try again in a moment.',
  NOT_READY: 'Try again in a moment.',
  STORAGE_LOCKED: 'Stop the process that uses this directory, or choose another directory.',
};

const START_A_PEER = 'Start one with `p2p-peer start`, or name the directory of the one that runs with --storage.';

/** Where a command has a remedy of its own. */
const REMEDIES_OF: Readonly<Partial<Record<string, Readonly<Partial<Record<ErrorCode, string>>>>>> = {
  'p2p-peer': { NOT_PERMITTED: 'Start without --id to be given a free one.' },
  'p2p-peer rm': { NOT_PERMITTED: 'Only its owner can remove a file; --identity names the key to act with.' },
  'p2p-peer status': { UNREACHABLE: START_A_PEER },
  'p2p-peer verify': { UNREACHABLE: START_A_PEER },
  'p2p-peer leave': { UNREACHABLE: START_A_PEER },
};

const SYSTEM_ERRORS: Readonly<Record<string, { code: ErrorCode; words: string }>> = {
  ENOENT: { code: 'FAILED', words: 'no such file or directory on this machine' },
  EACCES: { code: 'FAILED', words: 'this user may not access it' },
  EPERM: { code: 'FAILED', words: 'this user may not do that' },
  EISDIR: { code: 'FAILED', words: 'it is a directory' },
  ENOTDIR: { code: 'FAILED', words: 'a part of the path is not a directory' },
  EMFILE: { code: 'FAILED', words: 'too many open files; raise the limit with `ulimit -n`' },
  EROFS: { code: 'FAILED', words: 'the file system is read-only' },
  ENAMETOOLONG: { code: 'FAILED', words: 'the path is too long for this file system' },
  ENOSPC: { code: 'NO_SPACE', words: 'no space left on the device' },
  EDQUOT: { code: 'NO_SPACE', words: 'the disk quota is used up' },
};

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

/** Text without control characters, which a terminal would obey. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

export function failureOf(error: unknown, command: string): Failure {
  const system = isSystemError(error) ? SYSTEM_ERRORS[error.code ?? ''] : undefined;
  if (isSystemError(error) && system !== undefined) {
    const message = error.path === undefined ? system.words : `${error.path}: ${system.words}`;
    return { code: system.code, message: printable(message), remedy: REMEDIES[system.code] };
  }
  const code = codeOf(error);
  const remedy = code === 'USAGE' ? `See \`${command} --help\`.` : (REMEDIES_OF[command]?.[code] ?? REMEDIES[code]);
  return { code, message: printable(messageOf(error)), remedy };
}
