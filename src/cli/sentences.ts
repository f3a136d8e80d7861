/** What a person is told of a file that is stored, fetched or removed: one line each. */

import type { FetchReceipt, RemoveReceipt, StoreReceipt } from '../client/types.ts';
import { formatBytes } from './progress.ts';

export function storeSentence(receipt: StoreReceipt): string {
  const { name, size, key, path, replicas, ms } = receipt;
  const copies = replicas.length === 1 ? 'one copy' : `${String(replicas.length)} copies`;
  const route = path.join(' → ');
  return `stored ${name}  ${formatBytes(size)}  key ${key}  ${copies}  by ${route}  in ${ms.toFixed(0)} ms`;
}

export function fetchSentence(receipt: FetchReceipt, out: string): string {
  const { name, size, path, from, ms } = receipt;
  const route = path.join(' → ');
  return `fetched ${name}  ${formatBytes(size)}  to ${out}  from ${from.nodeId}  by ${route}  in ${ms.toFixed(0)} ms`;
}

export function removalSentence({ name, key, path, ms }: RemoveReceipt): string {
  return `removed ${name}  key ${key}  by ${path.join(' → ')}  in ${ms.toFixed(0)} ms`;
}

/** Said when a fetch goes on where an earlier one was broken off. */
export function resumeSentence(what: 'fetch' | 'store', name: string, bytesThere: number, bytesTotal: number): string {
  return `${name}: going on at ${formatBytes(bytesThere)} of ${formatBytes(bytesTotal)}, where an earlier ${what} ended`;
}
