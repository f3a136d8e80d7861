/**
 * Lists the files of the whole network under a prefix, in order of their names (UTF-8, byte by byte). Every peer lists
 * its own directory in that order, and the streams are merged; of a name that lies on several peers the highest
 * version counts, and a tombstone hides it. Memory is one page per peer. The peers are found by walking from
 * neighbour to neighbour, so no discovery peer is needed.
 */

import { BadMessageError, StoreError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { compareVersions } from '../id/version.ts';
import { LIST_PAGE_RECORDS_MAX } from '../wire/limits.ts';
import { openRecord, type SignedRecord } from '../wire/record.ts';
import { fileEntry } from './file-entry.ts';
import { withRetries } from './retry.ts';
import { expectAnswer, type Session } from './session.ts';
import type { FileEntry } from './types.ts';

/** Peers that are asked at the same time. */
const PEERS_AT_ONCE = 16;
/** A peer on the way that does not answer is given up after this; its files cannot be fetched anyway. */
const PEER_PATIENCE_MS = 3_000;

type Page = {
  readonly records: readonly SignedRecord[];
  readonly more: boolean;
  readonly neighbours: readonly Contact[];
};

export async function* listFiles(
  session: Session,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<FileEntry> {
  const cursors = await openCursors(session, prefix, signal);
  for (;;) {
    const heads = cursors.flatMap((cursor) => (cursor.head === undefined ? [] : [cursor.head]));
    const first = heads.reduce<SignedRecord | undefined>(
      (least, head) => (least === undefined || comesBefore(head.name, least.name) ? head : least),
      undefined,
    );
    if (first === undefined) return;
    const newest = heads
      .filter(({ name }) => name === first.name)
      .reduce((best, head) => (compareVersions(head.version, best.version) > 0 ? head : best));
    if (!newest.tombstone) yield fileEntry(session.reader.idSpace, newest);
    await Promise.all(cursors.filter(({ head }) => head?.name === first.name).map((cursor) => cursor.advance()));
  }
}

const NO_PAGE: Page = { records: [], more: false, neighbours: [] };

/** One peer's files, read page by page. */
class Cursor {
  #page: Page;
  #index = 0;
  readonly #nextPage: (after: string) => Promise<Page | undefined>;

  constructor(page: Page, nextPage: (after: string) => Promise<Page | undefined>) {
    this.#page = page;
    this.#nextPage = nextPage;
  }

  get head(): SignedRecord | undefined {
    return this.#page.records[this.#index];
  }

  async advance(): Promise<void> {
    const last = this.head;
    this.#index++;
    if (this.head !== undefined || last === undefined || !this.#page.more) return;
    this.#page = (await this.#nextPage(last.name)) ?? NO_PAGE;
    this.#index = 0;
  }
}

/** Walks from the entry peer over everybody's neighbours; each peer that is met gives its first page. */
async function openCursors(session: Session, prefix: string, signal: AbortSignal | undefined): Promise<Cursor[]> {
  const retry = { log: session.log, signal };
  const entry = await withRetries('finding an entry peer', retry, () => session.entry.contact(signal));
  const met = new Set([entry.peerId]);
  const cursors: Cursor[] = [];
  let frontier = [entry];
  while (frontier.length > 0) {
    const batch = frontier.splice(0, PEERS_AT_ONCE);
    const pages = await Promise.all(batch.map((peer) => pageOf(session, peer, prefix, '', signal)));
    for (const [index, page] of pages.entries()) {
      const peer = batch[index];
      if (page === undefined || peer === undefined) continue;
      cursors.push(new Cursor(page, (after) => pageOf(session, peer, prefix, after, signal)));
      const unmet = page.neighbours.filter(({ peerId }) => !met.has(peerId));
      for (const { peerId } of unmet) met.add(peerId);
      frontier = [...frontier, ...unmet];
    }
  }
  return cursors;
}

/** A page, or undefined with a warning when that peer gives none: one that is gone or lies must not spoil the list. */
async function pageOf(
  session: Session,
  peer: Contact,
  prefix: string,
  after: string,
  signal: AbortSignal | undefined,
): Promise<Page | undefined> {
  const retry = { log: session.log, signal, patienceMs: PEER_PATIENCE_MS };
  try {
    return await withRetries('listing', retry, () => askPage(session, peer, prefix, after, signal));
  } catch (error) {
    if (signal?.aborted === true || !(error instanceof StoreError)) throw error;
    session.log.warn('peer-not-listed', { peer: session.nameOf(peer).nodeId, message: error.message });
    return undefined;
  }
}

/** One page of a peer's own files, tombstones included. */
export async function askPage(
  session: Session,
  peer: Contact,
  prefix: string,
  after: string,
  signal: AbortSignal | undefined,
): Promise<Page> {
  const request = { type: 'list', prefix, after, limit: LIST_PAGE_RECORDS_MAX } as const;
  const { lease, answer } = await session.ask(peer, request, signal);
  lease.release();
  const { records, more, neighbours } = expectAnswer(answer, 'list-page');
  const { reader } = session;
  const opened = records.map((record) => openRecord(record, reader.networkId));
  checkPage(opened, prefix, after, more);
  return {
    records: opened,
    more,
    neighbours: neighbours.map((contact) => reader.contact(contact)),
  };
}

/** A page that goes back, aside or nowhere would keep a reader going for ever. @throws BadMessageError */
function checkPage(records: readonly SignedRecord[], prefix: string, after: string, more: boolean): void {
  let last = after;
  for (const { name } of records) {
    if (!name.startsWith(prefix) || !(last === '' || comesBefore(last, name))) {
      throw new BadMessageError('a page of a list is out of order');
    }
    last = name;
  }
  if (more && records.length === 0) throw new BadMessageError('a page of a list is empty, and not the last one');
}

function comesBefore(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}
