/**
 * Why a file lies where it lies, seen from outside: the key, the way a lookup takes, the peers that are to hold the
 * file and what each of them really has. Every peer is asked about its own directory alone, so that a copy that is
 * old, missing or left behind shows as such.
 */

import { StoreError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import type { Key } from '../id/id-space.ts';
import { checkName, keyOfName } from '../id/key.ts';
import { formatVersion } from '../id/version.ts';
import type { Located } from '../wire/lookup.ts';
import { openRecord, type SignedRecord } from '../wire/record.ts';
import { askPage } from './list-operation.ts';
import { withRetries } from './retry.ts';
import { expectAnswer, type Session } from './session.ts';
import type { CallOptions, Explanation, Holder, Hop } from './types.ts';

/** To each peer. */
const QUESTIONS = 3;
/** How many of the root's names are looked through for the same key; a page of them takes some milliseconds. */
const NAMES_LOOKED_THROUGH_MAX = 4_096;

export async function explainName(session: Session, name: string, { signal }: CallOptions): Promise<Explanation> {
  const startedAt = performance.now();
  checkName(name);
  const { idSpace } = session.reader;
  const key = keyOfName(idSpace, name);
  const located = await withRetries(`looking up "${name}"`, { log: session.log, signal }, () =>
    session.entry.locate(key, signal),
  );
  // First, and alone: what else is asked would lengthen the round trips.
  const route = await measureRoute(session, located, name, signal);
  const [neighbours, shared] = await Promise.all([
    neighboursOf(session, located.root, signal),
    namesOnKey(session, located.root, name, key, signal),
  ]);
  return {
    name,
    key: idSpace.format(key),
    root: session.nameOf(located.root),
    path: located.path.map((nodeId) => idSpace.format(nodeId)),
    hops: located.path.length - 1,
    route,
    holders: await holdersOf(session, located, neighbours, name, signal),
    ...shared,
    ms: Math.round(performance.now() - startedAt),
  };
}

/** Undefined where a peer gives no answer: that is a finding, and no failure. */
async function unlessSilent<T>(signal: AbortSignal | undefined, question: () => Promise<T>): Promise<T | undefined> {
  try {
    return await question();
  } catch (error) {
    if (signal?.aborted === true || !(error instanceof StoreError)) throw error;
    return undefined;
  }
}

type Held = { readonly record: SignedRecord | undefined; readonly roundTripMs: number };

/** What a peer has of the name in its own directory, and how long it takes to answer once there is a connection. */
async function askHeld(
  session: Session,
  peer: Contact,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Held | undefined> {
  // Of all names that begin with this one, it comes first itself. Unlike other requests this one tells of removed files.
  const request = { type: 'list', prefix: name, after: '', limit: 1 } as const;
  return unlessSilent(signal, async () => {
    let record: SignedRecord | undefined;
    let roundTripMs = Infinity;
    // The first question may have to connect; of several, the quickest was held up least.
    for (let question = 0; question < QUESTIONS; question++) {
      const askedAt = performance.now();
      const { lease, answer } = await session.ask(peer, request, signal);
      roundTripMs = Math.min(roundTripMs, performance.now() - askedAt);
      lease.release();
      const [first] = expectAnswer(answer, 'list-page').records;
      const opened = first && openRecord(first, session.reader.networkId);
      record = opened?.name === name ? opened : undefined;
    }
    return { record, roundTripMs };
  });
}

/** The peers of the path. A lookup names only their ids; looking up an id leads to the peer that has it. */
async function measureRoute(
  session: Session,
  located: Located,
  name: string,
  signal: AbortSignal | undefined,
): Promise<readonly Hop[]> {
  const known = [located.root, ...located.replicaSet];
  return Promise.all(
    located.path.map(async (nodeId): Promise<Hop> => {
      const peer =
        known.find((contact) => contact.nodeId === nodeId) ??
        (await unlessSilent(signal, async () => (await session.entry.locate(nodeId, signal)).root));
      const found = peer?.nodeId === nodeId ? peer : undefined;
      const held = found === undefined ? undefined : await askHeld(session, found, name, signal);
      return {
        nodeId: session.reader.idSpace.format(nodeId),
        peerId: found?.peerId,
        roundTripMs: held?.roundTripMs,
      };
    }),
  );
}

async function neighboursOf(
  session: Session,
  root: Contact,
  signal: AbortSignal | undefined,
): Promise<readonly Contact[]> {
  const page = await unlessSilent(signal, () => askPage(session, root, '', '', signal));
  return page?.neighbours ?? [];
}

/** The replica set, and whoever else near the root has something of the name, closest to the key first. */
async function holdersOf(
  session: Session,
  located: Located,
  neighbours: readonly Contact[],
  name: string,
  signal: AbortSignal | undefined,
): Promise<readonly Holder[]> {
  const { idSpace } = session.reader;
  const key = keyOfName(idSpace, name);
  const inSet = new Set(located.replicaSet.map(({ peerId }) => peerId));
  const byPeerId = new Map([located.root, ...located.replicaSet, ...neighbours].map((peer) => [peer.peerId, peer]));
  const peers = [...byPeerId.values()].sort((a, b) => idSpace.compareByCloseness(key, a.nodeId, b.nodeId));
  const holders = await Promise.all(
    peers.map(async (peer, index): Promise<Holder> => {
      const held = await askHeld(session, peer, name, signal);
      const present = held?.record;
      const state = present === undefined ? 'absent' : present.tombstone ? 'removed' : 'present';
      return {
        ...session.nameOf(peer),
        rank: index + 1,
        distance: idSpace.distance(key, peer.nodeId),
        inReplicaSet: inSet.has(peer.peerId),
        state: held === undefined ? 'silent' : state,
        version: present === undefined ? undefined : formatVersion(present.version),
        size: present?.tombstone === false ? present.size : undefined,
      };
    }),
  );
  return holders.filter(({ inReplicaSet, version }) => inReplicaSet || version !== undefined);
}

/** Other names that hash to the same key, among those that the root holds. */
async function namesOnKey(
  session: Session,
  root: Contact,
  name: string,
  key: Key,
  signal: AbortSignal | undefined,
): Promise<Pick<Explanation, 'sameKey' | 'sameKeyComplete'>> {
  const sameKey: string[] = [];
  let looked = 0;
  for (let after = ''; looked < NAMES_LOOKED_THROUGH_MAX;) {
    const from = after;
    const page = await unlessSilent(signal, () => askPage(session, root, '', from, signal));
    if (page === undefined) break;
    looked += page.records.length;
    for (const record of page.records) {
      const other = !record.tombstone && record.name !== name && keyOfName(session.reader.idSpace, record.name) === key;
      if (other) sameKey.push(record.name);
    }
    if (!page.more) return { sameKey, sameKeyComplete: true };
    after = page.records.at(-1)?.name ?? after;
  }
  return { sameKey, sameKeyComplete: false };
}
