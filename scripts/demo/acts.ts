/** The demo's acts with the whole network up. */

import type { Peer } from '../../test/e2e/harness/network.ts';
import { runJson, type FetchLine } from '../lib/command.ts';
import { sha256OfFile } from '../lib/content.ts';
import { startNetwork } from '../lib/network.ts';
import type { Scratch } from '../lib/scratch.ts';
import { formatSize, heading, printTable, say } from '../lib/table.ts';
import { filesBelow } from './compare.ts';
import { makeFiles } from './files.ts';
import { seconds, type Stage } from './stage.ts';
import { fetch, noteBest, printFetched, printStored, store } from './transfers.ts';

export async function startStage(scratch: Scratch, count: number): Promise<Stage> {
  const startedAt = performance.now();
  const network = await startNetwork(scratch.path, count);
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
  heading(`2. ${files.length} files are stored, each on the peer whose id is closest to its key`);
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

/** Looks into the directories: each file must lie on its root, as it is, and nowhere else. */
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
    const [copy, ...more] = bySha.get(source.sha256) ?? [];
    if (copy?.peer.nodeId !== receipt.root.nodeId || more.length > 0) {
      stage.failures.push(`${source.name}: does not lie on its root ${receipt.root.nodeId}, and only there`);
    }
    if (copy === undefined) return [source.sha256.slice(0, 8), '-', '-'];
    return [
      source.sha256.slice(0, 8),
      `${copy.peer.number} (${copy.peer.nodeId})`,
      copy.path.slice(stage.scratch.path.length + 1),
    ];
  });
  printTable([{ title: 'sha256' }, { title: 'on peer' }, { title: 'as' }], rows);
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

/** Honest about what one copy means: what only the dead peer has cannot be had. */
export async function showUnreachable(stage: Stage, names: readonly string[]): Promise<void> {
  const args = ['--out', `${stage.scratch.file('unreachable')}/`, '--', ...names];
  const finished = await runJson<FetchLine>('fetch-file', args, stage.network.clientEnv);
  const codes = new Set(finished.lines.map((line) => ('error' in line ? line.error.code : 'fetched')));
  if (codes.has('fetched')) stage.failures.push('a file that lies on a dead peer only was fetched from somewhere');
  say(`  What only it holds cannot be had meanwhile: ${[...codes].join(', ')}, exit status ${finished.status}`);
  say(`    ${names.join(', ')}`);
}
