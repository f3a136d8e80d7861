/** `p2p-peer ls`, `stat`, `rm` and `explain`: what they do once their arguments are parsed. */

import { UsageError } from '../base/errors.ts';
import type { FileStore } from '../client/file-store.ts';
import type { Explanation, FileEntry, Holder, StatResult } from '../client/types.ts';
import { checkName } from '../id/key.ts';
import { STATUS_DONE } from './exit-status.ts';
import { onInterrupt } from './interrupt.ts';
import { lazyStore } from './open-store.ts';
import type { ClientOptions } from './options.ts';
import { createOutput, type Output } from './output.ts';
import { formatBytes } from './progress.ts';
import { removalSentence } from './sentences.ts';
import { reportEnd, transferAll, TRANSFER_BOUNDS } from './transfers.ts';

export type ListingOptions = ClientOptions & { readonly long?: true };

type Work = { readonly output: Output; readonly signal: AbortSignal; readonly get: () => Promise<FileStore> };

const CLEAN_UP_MS_MAX = 2_000;
const SIZE_COLUMNS = 14;

export function listNames(prefix: string, options: ListingOptions): Promise<number> {
  return withStore('ls', options, async ({ output, signal, get }) => {
    const store = await get();
    for await (const entry of store.list({ prefix, signal })) {
      await output.data(entry, options.long === true ? longLine(entry) : entry.name);
    }
    return STATUS_DONE;
  });
}

function longLine({ size, version, owner, name }: FileEntry): string {
  return `${String(size).padStart(SIZE_COLUMNS)}  ${version}  ${owner}  ${name}`;
}

export function showFile(name: string, options: ClientOptions): Promise<number> {
  return withStore('stat', options, async ({ output, signal, get }) => {
    checkName(name);
    const found = await (await get()).stat(name, { signal });
    await output.data(found, formatFile(found));
    return STATUS_DONE;
  });
}

export function removeFiles(names: readonly string[], options: ClientOptions): Promise<number> {
  return withStore('rm', options, async ({ output, signal, get }) => {
    if (new Set(names).size < names.length) throw new UsageError('a name is given twice');
    const items = names.map((name) => ({ name }));
    const side = { output, signal, bounds: TRANSFER_BOUNDS, weigh: () => 1 };
    return transferAll(items, side, async ({ name }) => {
      checkName(name);
      const receipt = await (await get()).remove(name, { signal });
      output.result(receipt, removalSentence(receipt));
    });
  });
}

export function explain(name: string, options: ClientOptions): Promise<number> {
  return withStore('explain', options, async ({ output, signal, get }) => {
    checkName(name);
    const explanation = await (await get()).explain(name, { signal });
    await output.data(explanation, formatExplanation(explanation));
    return STATUS_DONE;
  });
}

async function withStore(
  command: string,
  options: ClientOptions,
  work: (work: Work) => Promise<number>,
): Promise<number> {
  const output = createOutput(`p2p-peer ${command}`, options);
  const signal = onInterrupt(CLEAN_UP_MS_MAX);
  const store = lazyStore(options, signal);
  try {
    return await work({ output, signal, get: () => store.get() });
  } catch (error) {
    return reportEnd(error, signal, output);
  } finally {
    if (!signal.aborted) await store.close();
  }
}

function table(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([title, text]) => `${title.padEnd(11)}${text}`).join('\n');
}

function formatFile(file: StatResult): string {
  const changed = file.modifiedMs === 0 ? [] : [['modified', new Date(file.modifiedMs).toISOString()] as const];
  return table([
    ['name', file.name],
    ['size', `${String(file.size)}  (${formatBytes(file.size)})`],
    ['version', file.version],
    ['sha256', file.sha256],
    ...changed,
    ['owner', file.owner],
    ['key', file.key],
    ...file.replicas.map(({ nodeId, peerId }, index) => [index === 0 ? 'on' : '', `${nodeId}  ${peerId}`] as const),
  ]);
}

const STATES: Readonly<Record<Holder['state'], string>> = {
  present: 'has it',
  removed: 'knows that it was removed',
  absent: 'has nothing of it',
  silent: 'does not answer',
};

export function formatExplanation(explanation: Explanation): string {
  const { route, holders, sameKey, sameKeyComplete } = explanation;
  const hops = route.map(({ nodeId, roundTripMs }) => {
    return roundTripMs === undefined ? `${nodeId} (no answer)` : `${nodeId} (${roundTripMs.toFixed(1)} ms)`;
  });
  const others = sameKey.join(', ') || 'none';
  return table([
    ['name', explanation.name],
    ['key', `${explanation.key}  (the first digits of the name's SHA-256)`],
    ['root', `${explanation.root.nodeId}  ${explanation.root.peerId}`],
    ['route', `${hops.join(' → ')}  (hops: ${String(explanation.hops)})`],
    ...holders.map((holder, index) => [index === 0 ? 'holders' : '', formatHolder(holder)] as const),
    ['same key', sameKeyComplete ? others : `${others}  (the root has too many names to look through all)`],
  ]);
}

function formatHolder(holder: Holder): string {
  const { nodeId, rank, distance, inReplicaSet, state, version, size } = holder;
  const place = `no. ${String(rank)} by distance (${String(distance)} steps)`;
  const what = [STATES[state], version, size === undefined ? undefined : formatBytes(size)];
  const role = inReplicaSet ? '' : '  (not in the replica set: left there earlier)';
  return `${nodeId}  ${place}  ${what.filter((word) => word !== undefined).join('  ')}${role}`;
}
