/** The demo's acts with the whole network up. */

import type { Peer } from '../../test/e2e/harness/network.ts';
import { closestOnes } from '../../test/e2e/harness/oracle.ts';
import { sha256OfFile } from '../lib/content.ts';
import { startNetwork } from '../lib/network.ts';
import type { Scratch } from '../lib/scratch.ts';
import { formatSize, heading, printTable, say } from '../lib/table.ts';
import { filesBelow } from './compare.ts';
import { makeFiles } from './files.ts';
import { COPIES, seconds, type Stage } from './stage.ts';
import { fetch, noteBest, printFetched, printStored, store } from './transfers.ts';

export async function startStage(scratch: Scratch, count: number): Promise<Stage> {
  const startedAt = performance.now();
  const network = await startNetwork(scratch.path, count, COPIES);
  scratch.defer(() => network.close());
  heading(`1. A discovery peer and ${count} peers, each a process (${seconds(performance.now() - startedAt)})`);
  printTable(
    [{ title: 'peer' }, { title: 'node id' }, { title: 'process' }, { title: 'address' }],
    network.peers.map(({ number, nodeId, pid, ready }) => [
      String(number),
      nodeId,
      String(pid),
      (ready.addrs[0] ?? '').replace(/\/p2p\/.*/, '/p2p/…'),
    ]),
  );
  return { scratch, network, stored: [], failures: [], figures: [], compared: { files: 0, bytes: 0 } };
}

export async function storeAll(stage: Stage): Promise<void> {
  const files = await makeFiles(stage.scratch.file('sources'));
  heading(`2. ${files.length} files are stored, each on the ${COPIES} peers whose ids are closest to its key`);
  const startedAt = performance.now();
  const stored = await store(stage, files);
  printStored(stored);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  stage.figures.push([
    `${files.length} files (${formatSize(bytes)}) stored, safe on disk`,
    seconds(performance.now() - startedAt),
  ]);
  noteBest(
    stage,
    'fastest store',
    stored.map(({ receipt }) => receipt),
  );
}

/** Looks into the directories: each file must lie on the closest peers, as it is, and nowhere else. */
export async function showWhereFilesLie(stage: Stage): Promise<void> {
  heading('3. They lie there as plain files, which ls and sha256sum can read');
  const bySha = new Map<string, { peer: Peer; path: string }[]>();
  for (const peer of stage.network.peers) {
    for (const path of await filesBelow(`${peer.storage}/files`)) {
      const sha256 = await sha256OfFile(path);
      bySha.set(sha256, [...(bySha.get(sha256) ?? []), { peer, path }]);
    }
  }
  const rows = stage.stored.map(({ source, receipt }) => {
    const copies = bySha.get(source.sha256) ?? [];
    const holders = copies.map(({ peer }) => peer.nodeId);
    const closest = closestOnes(stage.network.nodeIds, receipt.key, COPIES);
    if (holders.toSorted().join() !== closest.toSorted().join()) {
      stage.failures.push(`${source.name}: lies on ${holders.join()}, and ${closest.join()} are closest`);
    }
    const path = copies[0]?.path.split('/files/')[1] ?? '-';
    return [source.sha256.slice(0, 8), closest.join(', '), `files/${path}`];
  });
  printTable([{ title: 'sha256' }, { title: 'on peers' }, { title: 'in each as' }], rows);
}

export async function fetchAll(stage: Stage): Promise<void> {
  heading('4. All are fetched, entering through one peer or another');
  const fetched = await fetch(stage, stage.stored, 'fetched');
  printFetched(fetched);
  noteBest(stage, 'fastest fetch', fetched);
  say(`  ${fetched.length} of ${stage.stored.length} came back the same, byte for byte`);
}

export async function bringBack(stage: Stage, victim: Peer): Promise<void> {
  const startedAt = performance.now();
  const before = victim.ready;
  const again = await victim.start();
  heading(`6. Peer ${victim.number} is started again (${seconds(performance.now() - startedAt)})`);
  const same = again.nodeId === before.nodeId && again.peerId === before.peerId;
  if (!same) stage.failures.push(`peer ${victim.number} came back as ${again.nodeId} instead of ${before.nodeId}`);
  say(`  It is ${same ? 'the same peer, ' : 'another peer, '}${again.nodeId}. Everything is fetched once more:`);
  const fetched = await fetch(stage, stage.stored, 'fetched-again');
  const from = fetched.filter((line) => line.from.nodeId === again.nodeId);
  printFetched(from);
  say(
    `  ${from.length} came from peer ${victim.number}; ${fetched.length} of ${stage.stored.length} in all came back the same`,
  );
}
