/** Which peers hold which files, as their directories say, held against the closest peers by brute force. */

import type { Network } from './network.ts';
import { closestOnes, keyOf } from './oracle.ts';
import { storedFiles } from './content.ts';
import { until } from './until.ts';

export type ExpectedFile = { readonly name: string; readonly sha256: string };

/** What is wrong with where copies lie: files missing from a peer of the replica set, with other bytes, or astray. */
export async function misplaced(network: Network, files: readonly ExpectedFile[], k: number): Promise<string[]> {
  const running = network.peers.filter((peer) => peer.running);
  const nodeIds = running.map(({ nodeId }) => nodeId);
  const expected = new Map(running.map(({ nodeId }) => [nodeId, new Map<string, string>()]));
  for (const { name, sha256 } of files) {
    const path = `${keyOf(name).slice(0, 2)}/${name}`;
    for (const nodeId of closestOnes(nodeIds, keyOf(name), k)) expected.get(nodeId)?.set(path, sha256);
  }
  const wrong: string[] = [];
  for (const { nodeId, storage } of running) {
    const found = await storedFiles(storage).catch(() => new Map<string, string>());
    const wanted = expected.get(nodeId) ?? new Map<string, string>();
    for (const [path, sha256] of wanted) {
      if (found.get(path) !== sha256)
        wrong.push(`${nodeId} ${found.has(path) ? 'has other bytes of' : 'lacks'} ${path}`);
    }
    for (const path of found.keys()) if (!wanted.has(path)) wrong.push(`${nodeId} has ${path} astray`);
  }
  return wrong;
}

/** Waits until every file lies on exactly its k closest live peers. @returns how long that took, in ms */
export async function untilPlaced(
  network: Network,
  files: readonly ExpectedFile[],
  k: number,
  timeoutMs: number,
): Promise<number> {
  const begin = performance.now();
  let wrong: string[] = [];
  await until(
    'every file lies on its replica set',
    async () => (wrong = await misplaced(network, files, k)).length === 0,
    timeoutMs,
  ).catch((error: unknown) => {
    throw new Error(
      `${String(wrong.length)} misplaced after ${String(timeoutMs)} ms: ${wrong.slice(0, 8).join('; ')}`,
      { cause: error },
    );
  });
  return performance.now() - begin;
}
