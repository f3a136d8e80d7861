/** A network's files, as a program works on them: what `connect` gives. */

import { InterruptedError, NotFoundError } from '../base/errors.ts';
import { checkName, keyOfName } from '../id/key.ts';
import { openRecord } from '../wire/record.ts';
import { explainName } from './explain-operation.ts';
import { fetchFile } from './fetch-operation.ts';
import { fileEntry } from './file-entry.ts';
import { FileSink } from './file-sink.ts';
import { listFiles } from './list-operation.ts';
import { removeFile } from './remove-operation.ts';
import { isPassing, withRetries } from './retry.ts';
import { expectAnswer, type Session } from './session.ts';
import { storeFile } from './store-operation.ts';
import type {
  CallOptions,
  Explanation,
  FetchOptions,
  FetchReceipt,
  FetchTarget,
  FileEntry,
  LookupResult,
  RemoveReceipt,
  StatResult,
  StoreOptions,
  StoreReceipt,
  StoreSource,
} from './types.ts';

/**
 * Any number of operations may be under way side by side. Each throws a StoreError with a stable `code`: INVALID_NAME,
 * NOT_FOUND, UNREACHABLE when no peer could be reached for 20 s, INTERRUPTED when its signal was aborted, and those
 * named at the operation.
 */
export class FileStore {
  readonly #session: Session;
  readonly #onClose: () => Promise<void>;
  #closing: Promise<void> | undefined;

  /** Not for callers: use `connect`. */
  constructor(session: Session, onClose: () => Promise<void>) {
    this.#session = session;
    this.#onClose = onClose;
  }

  /**
   * Stores a file under a name, or a new version of it. Done when the copies that `wait` asks for are safe on disk.
   *
   * @throws TOO_FEW_REPLICAS, NO_SPACE, NOT_PERMITTED (the name is somebody else's), VERSION_CONFLICT (somebody stored it at the
   *   same time): nothing was changed; OUTCOME_UNKNOWN: it may have been stored, whole, or not
   */
  store(name: string, source: StoreSource, options: StoreOptions = {}): Promise<StoreReceipt> {
    return storeFile(this.#session, name, source, options);
  }

  /**
   * Fetches a file. Every byte is checked before it is handed on. Of a large file that goes to a path, what has come
   * is kept when the fetch is broken off, and the next fetch to that path goes on from there.
   *
   * @throws CONTENT_CORRUPT, OUTPUT_EXISTS, NO_SPACE (at the output)
   */
  async fetch(name: string, target: FetchTarget, options: FetchOptions = {}): Promise<FetchReceipt> {
    if (!('path' in target)) return fetchFile(this.#session, name, target, options);
    const sink = new FileSink(target.path, target.overwrite ?? false);
    try {
      const receipt = await fetchFile(this.#session, name, sink, options);
      await sink.complete();
      return receipt;
    } catch (error) {
      // What another attempt may mend is worth going on from; anything else is not.
      if (isPassing(error) || error instanceof InterruptedError) await sink.breakOff();
      throw error;
    } finally {
      await sink.discard();
    }
  }

  /** What is known of a file, and who holds it. */
  async stat(name: string, { signal }: CallOptions = {}): Promise<StatResult> {
    checkName(name);
    const session = this.#session;
    const request = { type: 'stat', name, localOnly: false } as const;
    return withRetries(`looking at "${name}"`, { log: session.log, signal }, async () => {
      const { lease, answer } = await session.arrive(name, request, signal, { ...request, localOnly: true });
      lease.release();
      const { record: envelope, replicas } = expectAnswer(answer, 'stat');
      const record = openRecord(envelope, session.reader.networkId);
      if (record.tombstone) throw new NotFoundError(`there is no file "${name}"`);
      const holders = replicas.map((replica) => session.nameOf(replica));
      return { ...fileEntry(session.reader.idSpace, record), replicas: holders };
    });
  }

  /** @throws NOT_PERMITTED (the file is somebody else's), VERSION_CONFLICT, OUTCOME_UNKNOWN */
  remove(name: string, options: CallOptions = {}): Promise<RemoveReceipt> {
    return removeFile(this.#session, name, options);
  }

  /** The files whose names begin with the prefix, in the order of the names' bytes. */
  list({ prefix = '', signal }: CallOptions & { readonly prefix?: string } = {}): AsyncIterable<FileEntry> {
    return listFiles(this.#session, prefix, signal);
  }

  /** Who is root of a name, whether there is such a file or not, and the way there. */
  async lookup(name: string, { signal }: CallOptions = {}): Promise<LookupResult> {
    const startedAt = performance.now();
    checkName(name);
    const session = this.#session;
    const { idSpace } = session.reader;
    const key = keyOfName(idSpace, name);
    const located = await withRetries(`looking up "${name}"`, { log: session.log, signal }, () =>
      session.entry.locate(key, signal),
    );
    return {
      key: idSpace.format(key),
      path: located.path.map((nodeId) => idSpace.format(nodeId)),
      hops: located.path.length - 1,
      root: session.nameOf(located.root),
      replicas: located.replicaSet.map((contact) => session.nameOf(contact)),
      ms: Math.round(performance.now() - startedAt),
    };
  }

  /** Why a file lies where it lies: the way to its name, who is to hold it, and what each of them has. */
  explain(name: string, options: CallOptions = {}): Promise<Explanation> {
    return explainName(this.#session, name, options);
  }

  /** Ends the connections. Operations under way fail. */
  close(): Promise<void> {
    this.#closing ??= this.#session.close().then(this.#onClose);
    return this.#closing;
  }
}
