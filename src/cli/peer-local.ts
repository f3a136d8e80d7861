/** `p2p-peer status`, `verify` and `leave`: what they do once their arguments are parsed. */

import { resolve } from 'node:path';
import { InvariantError } from '../base/assert.ts';
import { codeOf } from '../base/errors.ts';
import type { PeerStatus, VerifyReport } from '../peer/control-protocol.ts';
import { askLeave, askStatus, askVerify } from './control-client.ts';
import { createCounter } from './counter.ts';
import { STATUS_DONE, statusOf } from './exit-status.ts';
import { onInterrupt } from './interrupt.ts';
import { createOutput, type Output } from './output.ts';
import { formatBytes, formatDuration } from './progress.ts';

export type LocalOptions = { readonly storage: string; readonly json?: true; readonly quiet?: true };

/** After Ctrl-C the peer is given a moment to say what became of the operation. */
const CLEAN_UP_MS_MAX = 6_000;

export function showStatus(options: LocalOptions): Promise<number> {
  return atLocalPeer('status', options, async (output, storage, signal) => {
    const status = await askStatus(storage, { signal });
    await output.data(status, formatStatus(status, Date.now()));
    return STATUS_DONE;
  });
}

export function verify(name: string | undefined, options: LocalOptions): Promise<number> {
  return atLocalPeer('verify', options, async (output, storage, signal) => {
    const counter = await createCounter(
      output,
      (done, total) => `${formatBytes(done)} of ${formatBytes(total)} checked`,
    );
    let report: VerifyReport;
    try {
      report = await askVerify(storage, name, { signal, onProgress: counter.update });
    } finally {
      counter.stop();
    }
    await output.data(report, formatReport(report));
    // The report has said everything; an error beside it would be a second answer.
    return report.damagedFiles === 0 ? STATUS_DONE : statusOf('CONTENT_CORRUPT');
  });
}

export function leave(options: LocalOptions): Promise<number> {
  return atLocalPeer('leave', options, async (output, storage, signal) => {
    const counter = await createCounter(
      output,
      (done, total) => `handed over ${String(done)} of ${String(total)} files`,
    );
    let files = 0;
    try {
      await askLeave(storage, {
        signal,
        onProgress: (done, total) => {
          files = total;
          counter.update(done, total);
        },
      });
    } finally {
      counter.stop();
    }
    output.result({ event: 'left', files, storage }, `left the network; ${String(files)} files were handed over`);
    return STATUS_DONE;
  });
}

async function atLocalPeer(
  command: string,
  options: LocalOptions,
  work: (output: Output, storage: string, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const output = createOutput(`p2p-peer ${command}`, options);
  const signal = onInterrupt(CLEAN_UP_MS_MAX);
  try {
    return await work(output, resolve(options.storage), signal);
  } catch (error) {
    if (error instanceof InvariantError) throw error;
    // After Ctrl-C the peer has the last word: it says what became of the operation.
    const lastWord = !signal.aborted || codeOf(error) === 'INTERRUPTED';
    return output.failure(lastWord ? error : signal.reason);
  }
}

/** @param nowMs since 1970 */
export function formatStatus(status: PeerStatus, nowMs: number): string {
  const { network, repair, space } = status;
  const copies = network.replicas === 1 ? 'one copy' : `${String(network.replicas)} copies`;
  const room =
    space === undefined
      ? []
      : [
          ...(space.capacityBytes === undefined ? [] : [`capacity ${formatBytes(space.capacityBytes)}`]),
          `${formatBytes(space.freeBytes)} free`,
        ];
  const up = formatDuration((nowMs - status.startedAtMs) / 1000);
  const rows: readonly (readonly [string, string])[] = [
    ['peer', `${status.nodeId}  ${status.peerId}`],
    ['running', `for ${up}, version ${status.version}`],
    ['network', `${network.name}  ${network.id}`],
    ['policy', `${copies} of each file, made anew after ${formatDuration(network.repairDelayMs / 1000)} of absence`],
    ...status.addrs.map((addr, index) => [index === 0 ? 'addresses' : '', addr] as const),
    ['storage', [status.storage, ...room].join('  ')],
    ['files', `${String(status.files)}  ${formatBytes(status.bytes)}  (and ${String(status.tombstones)} removed)`],
    ['neighbours', `${status.leafSet.join(' ') || 'none'}  (${String(status.peersKnown)} peers known)`],
    ['repair', formatRepair(repair, nowMs)],
  ];
  return rows.map(([title, text]) => `${title.padEnd(11)}${text}`).join('\n');
}

function formatRepair({ underWay, waiting, lastAtMs, absent }: PeerStatus['repair'], nowMs: number): string {
  const words =
    underWay + waiting === 0 ? ['nothing to do'] : [`${String(underWay)} under way, ${String(waiting)} waiting`];
  if (lastAtMs !== undefined) words.push(`last ${formatDuration((nowMs - lastAtMs) / 1000)} ago`);
  if (absent.length > 0) words.push(`away: ${absent.join(' ')}`);
  return words.join('; ');
}

function formatReport({ files, bytes, damaged, damagedFiles }: VerifyReport): string {
  const lines = damaged.map(({ name, problem }) => `damaged: ${name}: ${problem}`);
  if (damagedFiles > damaged.length) lines.push(`… and ${String(damagedFiles - damaged.length)} more`);
  const verdict = damagedFiles === 0 ? 'all in order' : `${String(damagedFiles)} damaged`;
  return [...lines, `checked ${String(files)} files, ${formatBytes(bytes)}: ${verdict}`].join('\n');
}
