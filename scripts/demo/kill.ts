/** The act in which a peer is killed without warning, and the others go on. */

import { writeFile } from 'node:fs/promises';
import type { Peer } from '../../test/e2e/harness/network.ts';
import { closest, keyOf } from '../../test/e2e/harness/oracle.ts';
import { sha256OfFile } from '../lib/content.ts';
import { loadLibrary } from '../lib/library.ts';
import { lookUpMany } from '../lib/lookups.ts';
import { heading, say } from '../lib/table.ts';
import type { SourceFile } from './files.ts';
import { seconds, type Stage } from './stage.ts';
import { fetch, printFetched, store } from './transfers.ts';

const LOOKUPS = 300;
const LOOKUPS_AT_ONCE = 16;

/** @returns the peer that was killed */
export async function killOnePeer(stage: Stage): Promise<Peer> {
  const victim = holderOfMost(stage);
  heading(`5. Peer ${victim.number} (${victim.nodeId}), which holds most, is killed (SIGKILL)`);
  const killedAt = performance.now();
  await victim.kill();
  await lookUpAround(stage, victim, killedAt);
  const fetched = await fetch(stage, stage.stored, 'fetched-meanwhile');
  printFetched(fetched);
  for (const line of fetched) expectAround(stage, victim, line.name, line.path);
  say(`  ${fetched.length} of ${stage.stored.length} files came back the same: each lies on two more peers`);
  await storeAround(stage, victim);
  return victim;
}

/** The peer with the most bytes: what it holds is worth fetching again. */
function holderOfMost(stage: Stage): Peer {
  const bytes = new Map<string, number>();
  for (const { source, receipt } of stage.stored) {
    bytes.set(receipt.root.nodeId, (bytes.get(receipt.root.nodeId) ?? 0) + source.size);
  }
  const [most] = [...bytes].sort((a, b) => b[1] - a[1]);
  if (most === undefined) throw new Error('no file was stored');
  return stage.network.peer(most[0]);
}

function expectAround(stage: Stage, victim: Peer, what: string, path: readonly string[]): void {
  if (path.includes(victim.nodeId)) stage.failures.push(`${what}: was led to the dead peer ${victim.nodeId}`);
}

async function lookUpAround(stage: Stage, victim: Peer, killedAt: number): Promise<void> {
  const { connect } = await loadLibrary();
  const { address, configDir } = stage.network;
  const store = await connect({ discovery: [address], configDir });
  try {
    const begunAt = performance.now() - killedAt;
    const { results, times } = await lookUpMany(store, 'some name ', LOOKUPS, LOOKUPS_AT_ONCE);
    for (const { key, path } of results) expectAround(stage, victim, `lookup of ${key}`, path);
    const led = results.filter(({ root }) => root.nodeId !== victim.nodeId).length;
    const [median, slowest] = [times[times.length >> 1] ?? 0, times.at(-1) ?? 0];
    say(`  ${seconds(begunAt)} later, ${LOOKUPS} lookups, many of them for keys of the dead peer, begin:`);
    say(`  ${led} end at a live peer; median ${median.toFixed(1)} ms, slowest ${slowest.toFixed(0)} ms`);
    stage.figures.push(['slowest lookup right after the kill', `${slowest.toFixed(0)} ms`]);
  } finally {
    await store.close();
  }
}

/** Stores a name whose root would be the dead peer. */
async function storeAround(stage: Stage, victim: Peer): Promise<void> {
  const startedAt = performance.now();
  const [stored] = await store(stage, [await fileForRoot(stage, victim)]);
  if (stored === undefined) return;
  const { name, key, path, root } = stored.receipt;
  expectAround(stage, victim, name, path);
  say(
    `  A new file with key ${key}, which was the dead peer's, goes to ${root.nodeId} (${seconds(performance.now() - startedAt)})`,
  );
}

async function fileForRoot(stage: Stage, peer: Peer): Promise<SourceFile> {
  const ids = stage.network.peers.map(({ nodeId }) => nodeId);
  for (let day = 1; ; day++) {
    const name = `written-meanwhile-${day}.txt`;
    if (closest(ids, keyOf(name)) !== peer.nodeId) continue;
    const path = stage.scratch.file('sources', name);
    const text = `This was stored while peer ${peer.nodeId} was down.\n`;
    await writeFile(path, text);
    return { name, path, size: Buffer.byteLength(text), sha256: await sha256OfFile(path) };
  }
}
