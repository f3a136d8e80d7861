/**
 * The root's side of a store or a removal: its own copy and those of the other replicas, staged everywhere first, then
 * committed, at the root before the others, because the order of its commits is the order of the versions. Content goes
 * along a chain while it arrives; where a link of it failed, and too few copies are left without, the root sends
 * its own staged copy to the missing ones one by one. A replica that missed a commit is offered the file afterwards.
 */

import { setTimeout as delay } from 'node:timers/promises';
import {
  NoSpaceError,
  NotReadyError,
  OutcomeUnknownError,
  StreamClosedError,
  TimeoutError,
  StoreError,
  TooFewReplicasError,
} from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import type { Key } from '../id/id-space.ts';
import type { StoredContent } from '../store/stored-content.ts';
import type { Holding, WriteCondition } from '../wire/holding.ts';
import type { SignedRecord } from '../wire/record.ts';
import { checkCondition, checkWrite } from '../wire/succession.ts';
import type { FileContext } from './file-context.ts';
import type { OwnCopy } from './own-copy.ts';
import { ReplicaChain, type Copy } from './replica-chain.ts';

/** How long a root that is in doubt whether it still is one waits to find out. */
const ROOT_DOUBT_MS = 5_000;
const ROOT_DOUBT_STEP_MS = 20;

export type ReplicationOptions = {
  readonly key: Key;
  readonly name: string;
  readonly sizeHint: number | undefined;
  /** This peer first. */
  readonly targets: readonly Contact[];
  /** Copies that must be safe before it is done. */
  readonly waitFor: number;
  readonly condition: WriteCondition;
};

export class Replication {
  readonly own: OwnCopy;
  readonly chain: ReplicaChain;
  readonly #context: FileContext;
  readonly #options: ReplicationOptions;
  readonly #stars: ReplicaChain[] = [];

  constructor(context: FileContext, own: OwnCopy, options: ReplicationOptions) {
    this.#context = context;
    this.own = own;
    this.#options = options;
    const { targets, name, sizeHint } = options;
    const others = targets.filter(({ nodeId }) => nodeId !== context.ring.self.nodeId);
    this.chain = new ReplicaChain(context.replicaStreams, others, name, sizeHint);
  }

  /**
   * Rejects as soon as it is clear that the room which this peer lacks is not to be had elsewhere, so that the writer need
   * not send everything to learn that. Otherwise it stays pending.
   */
  hopeless(): Promise<never> {
    const { failure } = this.own;
    return new Promise((_resolve, reject) => {
      if (failure === undefined) return;
      let possible = this.chain.copies.length;
      for (const { staged } of this.chain.copies) {
        void staged.then((refusal) => {
          if (refusal === undefined || --possible >= this.#options.waitFor) return;
          reject(failure);
        });
      }
    });
  }

  /**
   * Ends the content: staged, in as many places as are asked for, when it resolves.
   *
   * @throws TooFewReplicasError, NoSpaceError, and what the own disk says; nothing was changed
   */
  async stage(record: SignedRecord): Promise<void> {
    const failure = this.own.finish(record);
    void this.chain.finish(record.envelope);
    const own = await failure;
    if (own !== undefined && own.code !== 'NO_SPACE') throw own;
    if (await this.#stagedEnough()) return;
    if (own !== undefined) throw own;
    await this.#sendOnceMore(record);
    if (await this.#stagedEnough()) return;
    throw await this.#tooFew();
  }

  /**
   * Commits. Resolves with the peers that hold the file when as many do as were asked for.
   *
   * @throws NotReadyError when this peer is not the root any more, VersionConflictError, NotPermittedError: nothing was changed
   * @throws OutcomeUnknownError
   */
  async commit(record: SignedRecord): Promise<readonly Contact[]> {
    const { commits } = this.#context;
    await commits.hold(async () => {
      await this.#confirmRoot();
      await this.#commitHere(record);
    });
    for (const chain of this.#chains) void chain.commit();
    const { waitFor, name } = this.#options;
    const holders: Contact[] = this.#hasRoom ? [this.#context.ring.self] : [];
    const all = this.#copies.map(async ({ contact, committed }) => {
      if ((await committed) === undefined) holders.push(contact);
    });
    void this.#afterwards(record, all, holders);
    const enough = await reached(this.#copies, ({ committed }) => committed, this.#othersNeeded);
    if (!this.#hasRoom) await this.#keepInMind(record, holders);
    if (enough) return [...holders];
    throw new OutcomeUnknownError(
      `"${name}" is stored on ${String(holders.length)} of the ${String(waitFor)} peers that were asked for; ` +
        'the others will get it when they can be reached',
    );
  }

  /** Gives everything up that is not committed; for now, and not for good, where the writer just went away. */
  async abort(cause: unknown): Promise<void> {
    const own = isInterruption(cause) ? this.own.suspend() : this.own.discard();
    await Promise.all([own, ...this.#chains.map((chain) => chain.abort())]);
  }

  get #chains(): readonly ReplicaChain[] {
    return [this.chain, ...this.#stars];
  }

  get #copies(): readonly Copy[] {
    return this.#chains.flatMap(({ copies }) => copies);
  }

  get #hasRoom(): boolean {
    return this.own.failure === undefined;
  }

  get #othersNeeded(): number {
    return this.#options.waitFor - (this.#hasRoom ? 1 : 0);
  }

  #stagedEnough(): Promise<boolean> {
    return reached(this.#copies, ({ staged }) => staged, this.#othersNeeded);
  }

  /** A root without room for its copy knows where it lies, and fetches it when there is room. */
  async #keepInMind(record: SignedRecord, holders: readonly Contact[]): Promise<void> {
    const { repair, storage } = this.#context;
    const mine = await storage.record(record.name);
    for (const holder of holders) repair.expectFrom(holder, record, mine);
  }

  async #commitHere(record: SignedRecord): Promise<void> {
    const { condition, name } = this.#options;
    const admit = (present: Holding | undefined): void => {
      checkCondition(present, condition, name);
      checkWrite(present, record);
    };
    if (this.#hasRoom) {
      await this.own.commit(record, admit);
      return;
    }
    admit(await this.#context.storage.record(name));
  }

  /** From this peer's own staged copy, to each by itself that has none and is, by now, one of the replica set. */
  async #sendOnceMore(record: SignedRecord): Promise<void> {
    const { storage } = this.#context;
    const { content } = this.own;
    const members = await this.#othersToTry();
    const open = content === undefined ? undefined : () => storage.openStaged(content, record);
    this.#stars.push(...(await this.#sendTo(members, record, open)));
  }

  /** Members of the replica set that were not reached, and for each that has no room the next closest peer (as PAST diverts). */
  async #othersToTry(): Promise<readonly Contact[]> {
    const { placement, ring } = this.#context;
    const { key, targets } = this.#options;
    const settled = new Set([ring.self.nodeId]);
    let full = 0;
    for (const { contact, staged } of this.#copies) {
      const failure = await staged;
      if (failure === undefined || failure.code === 'NO_SPACE') settled.add(contact.nodeId);
      if (failure?.code === 'NO_SPACE') full++;
    }
    const present = placement.present(key, targets.length + full) ?? [];
    return present.filter(({ nodeId }) => !settled.has(nodeId));
  }

  /** Sends what is here, or a removal, to each of these by itself. */
  async #sendTo(
    members: readonly Contact[],
    record: SignedRecord,
    open: (() => Promise<StoredContent>) | undefined,
  ): Promise<readonly ReplicaChain[]> {
    const { replicaStreams } = this.#context;
    const stars = members.map((contact) => new ReplicaChain(replicaStreams, [contact], record.name, record.size));
    if (open !== undefined && stars.length > 0) {
      const content = await open();
      try {
        for await (const chunk of content.read(0, record.size)) {
          await Promise.all(stars.map((star) => star.write([chunk])));
        }
      } finally {
        await content.close();
      }
    }
    for (const star of stars) void star.finish(record.envelope);
    return stars;
  }

  async #tooFew(): Promise<StoreError> {
    const { name, waitFor } = this.#options;
    const failures = await Promise.all(this.#copies.map(({ staged }) => staged));
    const made = 1 + failures.filter((failure) => failure === undefined).length;
    const reasons = failures.filter((failure) => failure !== undefined);
    const what = `"${name}": ${String(waitFor)} copies must be safe, and only ${String(made)} could be made`;
    const message = `${what} (${reasons.map((reason) => reason.message).join('; ')}); nothing was changed`;
    const full = reasons.length > 0 && reasons.every(({ code }) => code === 'NO_SPACE');
    return full ? new NoSpaceError(message) : new TooFewReplicasError(message);
  }

  /** Somebody closer may have joined while the content came in. */
  async #confirmRoot(): Promise<void> {
    const { ring } = this.#context;
    const { key, name } = this.#options;
    const endsAt = performance.now() + ROOT_DOUBT_MS;
    while (!ring.isRoot(key)) {
      const moved = ring.closest(key).nodeId !== ring.self.nodeId;
      if (moved || performance.now() > endsAt) throw new NotReadyError(`another peer has become the root of "${name}"`);
      await delay(ROOT_DOUBT_STEP_MS);
    }
  }

  /**
   * Those that did not commit hear of the file once more, each by itself. Where one of them had no room, another peer keeps
   * its copy until it has: a stray there, which that peer hands over as soon as it can.
   */
  async #afterwards(record: SignedRecord, all: readonly Promise<void>[], holders: readonly Contact[]): Promise<void> {
    const { repair, storage, log } = this.#context;
    await Promise.all(all);
    const done = new Set(holders.map(({ nodeId }) => nodeId));
    const missed = this.#options.targets.filter(({ nodeId }) => !done.has(nodeId));
    for (const contact of missed) repair.offer(contact, record);
    if (missed.length === 0 || record.tombstone || holders.length > record.replicas - 1) return;
    try {
      const members = (await this.#othersToTry()).filter((member) => !missed.includes(member));
      const stars = await this.#sendTo(members, record, () => storage.openContent(record));
      await Promise.all(stars.map((star) => star.commit()));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      log.debug('not-diverted', { name: record.name, message: error.message });
    }
  }
}

/** Whether so many of the copies get there. Resolves as soon as that is known. */
function reached(
  copies: readonly Copy[],
  phase: (copy: Copy) => Promise<StoreError | undefined>,
  count: number,
): Promise<boolean> {
  if (count <= 0 || copies.length < count) return Promise.resolve(count <= 0);
  let missing = count;
  let left = copies.length;
  const known = Promise.withResolvers<boolean>();
  for (const copy of copies) {
    void phase(copy).then((failure) => {
      left--;
      if (failure === undefined) missing--;
      if (missing === 0) known.resolve(true);
      else if (left < missing) known.resolve(false);
    });
  }
  return known.promise;
}

/** Whether the writer, or the way to it, is gone; what was refused is not to be gone on with. */
function isInterruption(cause: unknown): boolean {
  return cause instanceof StreamClosedError || cause instanceof TimeoutError;
}
