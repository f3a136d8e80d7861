/**
 * Keeps this peer's copies complete and in their place. When the neighbours change it compares its directory with
 * theirs, and now and then without a reason; what it lacks it fetches (`pulls.ts`), what does not belong here it hands
 * over (`hand-over.ts`). Joining, leaving, crashing, restarting and missed writes are all mended by this.
 *
 * Until it has compared itself with a neighbour that has come, or, when this peer is responsible for more keys than
 * before, with all of them, it is *unsure*: what it does not know may lie there, and `newest.ts` asks those first.
 */

import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { StoreError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { keyOfName, type SlotRange } from '../id/key.ts';
import type { SignedRecord } from '../wire/record.ts';
import type { Entry } from '../wire/replica.ts';
import { askReplica } from './ask-replica.ts';
import { differences, newerOfOwn, replicaCountsOf } from './comparing.ts';
import type { RepairContext } from './repair-context.ts';
import { handOverAll, handOverStrays, type HandOverCount, type HandOverParts } from './hand-over.ts';
import { pullCopy } from './pull-copy.ts';
import { Pulls, type Found } from './pulls.ts';

const COMPARES_AT_ONCE = 3;
const COMPARE_RETRY_MS = 500;
/** Without any reason. Peers that started together drift apart by chance. */
const PERIOD_MS_MIN = 45_000;
const PERIOD_MS_MAX = 75_000;
const HAND_OVER_DELAY_MS = 300;
const HAND_OVER_DELAY_MS_MAX = 20_000;
const LEAVE_STEP_MS = 500;

export type RepairStatus = {
  readonly underWay: number;
  readonly waiting: number;
  /** Neighbours that this peer has still to compare itself with. */
  readonly comparing: number;
  /** When it last ended with nothing to do, ms since 1970. */
  readonly lastAtMs: number | undefined;
};

/** Why a neighbour is to be compared with; a new object for each new reason. */
type Reason = {
  readonly member: Contact;
  readonly unsure: boolean;
  /** What this peer holds is looked at, too. Not with a newcomer, which has nothing yet. */
  readonly both: boolean;
};

export class Repair {
  readonly #context: RepairContext;
  readonly #pulls: Pulls;
  readonly #reasons = new Map<string, Reason>();
  readonly #comparing = new Set<string>();
  #period: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #handOver: NodeJS.Timeout | undefined;
  #handOverDelayMs = HAND_OVER_DELAY_MS;
  #isHandOverDue = false;
  #handingOver: Promise<void> = Promise.resolve();
  #lastAtMs: number | undefined;
  readonly #over = new AbortController();

  constructor(context: RepairContext) {
    this.#context = context;
    this.#pulls = new Pulls({
      pull: (from, name, holding) => pullCopy(context, from, name, holding),
      isBusy: () => context.reading.busy || context.writing.busy,
      onFailure: (name, from, error) => {
        const nodeId = context.idSpace.format(from.nodeId);
        context.log.debug('copy-not-fetched', { name, from: nodeId, code: error.code, message: error.message });
      },
    });
  }

  /** Neighbours that may know of something newer than this peer does. */
  unsureOf(): readonly Contact[] {
    const present = new Set(this.#context.ring.leafSet().map(({ peerId }) => peerId));
    return [...this.#reasons.values()]
      .filter(({ unsure, member }) => unsure && present.has(member.peerId))
      .map(({ member }) => member);
  }

  /** Who holds a version of the name that this peer is about to fetch. */
  find(name: string): Found | undefined {
    return this.#pulls.find(name);
  }

  get status(): RepairStatus {
    const { underWay, waiting } = this.#pulls;
    return { underWay, waiting, comparing: this.#reasons.size, lastAtMs: this.#lastAtMs };
  }

  /** The ring around this peer has changed, or it has just joined. Takes effect at once. */
  onNeighboursChanged(): void {
    const { ring, placement } = this.#context;
    if (this.#over.signal.aborted || !ring.active()) return;
    const { appeared, grew } = placement.update();
    const isFirst = this.#period === undefined;
    for (const member of grew ? ring.leafSet() : appeared) this.#compareWith(member, true, isFirst);
    this.#awaitExpiry();
    this.#handOverSoon(HAND_OVER_DELAY_MS);
    if (isFirst) this.#awaitPeriod();
  }

  /** Another peer has a copy that this one should have, as it says. */
  onOffer(from: Contact, entry: Entry, mine: SignedRecord | undefined): void {
    const { placement, idSpace } = this.#context;
    if (placement.mayHold(keyOfName(idSpace, entry.name), entry.holding.replicas)) this.#pulls.add(from, entry, mine);
  }

  /** A root whose view of the ring was another one, or that found no room elsewhere, left this copy here. */
  onCopy(record: SignedRecord): void {
    const { placement, idSpace } = this.#context;
    if (this.#isHandOverDue || placement.mayHold(keyOfName(idSpace, record.name), record.replicas)) return;
    this.#handOverSoon(HAND_OVER_DELAY_MS);
  }

  /** That peer holds what this one has no room for. */
  expectFrom(holder: Contact, record: SignedRecord, mine: SignedRecord | undefined): void {
    this.#pulls.add(holder, { name: record.name, holding: record }, mine);
  }

  /** Another peer hands its files over and will be gone. */
  onLeaving(from: Contact): void {
    if (this.#context.placement.markLeaving(from)) this.#compareWith(from, true);
    this.#awaitExpiry();
  }

  /** Tells a replica that missed a commit. What comes of it the next comparison sees, too. */
  offer(to: Contact, record: SignedRecord): void {
    const request = { type: 'holdings', names: [record.name], offered: [record], leaving: false } as const;
    askReplica(this.#context.replicaQuestions, to, request, 'holdings').catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      this.#context.log.debug('offer-unanswered', { name: record.name, message: error.message });
    });
  }

  /** Fetches a copy anew that was found to be damaged here. */
  fetchAnew(): void {
    for (const member of this.#context.ring.leafSet()) this.#compareWith(member, true);
  }

  /**
   * Hands everything over, for this peer to leave. Resolves when every copy is where it belongs without it.
   *
   * @param drop what is safe: once this peer has left
   * @throws the signal's reason
   */
  async handOverAll(drop: boolean, onProgress: (count: HandOverCount) => void, signal: AbortSignal): Promise<void> {
    let open: ReadonlySet<string> | undefined;
    for (;;) {
      signal.throwIfAborted();
      open = await handOverAll(this.#handOverParts, open, drop, onProgress);
      if (open.size === 0) return;
      await delay(LEAVE_STEP_MS, undefined, { signal });
    }
  }

  async stop(): Promise<void> {
    this.#over.abort();
    clearTimeout(this.#period);
    clearTimeout(this.#expiry);
    clearTimeout(this.#handOver);
    this.#reasons.clear();
    await Promise.all([this.#pulls.stop(), this.#handingOver]);
  }

  get #handOverParts(): HandOverParts {
    const { storage, placement, idSpace, log, ring } = this.#context;
    const onOther = (member: Contact, theirs: Entry, mine: SignedRecord) => this.#pulls.add(member, theirs, mine);
    return { self: ring.self, storage, placement, streams: this.#context.replicaQuestions, idSpace, log, onOther };
  }

  #compareWith(member: Contact, unsure: boolean, both = !unsure): void {
    const known = this.#reasons.get(member.peerId);
    if (known !== undefined && !unsure) return;
    this.#reasons.set(member.peerId, { member, unsure, both: both || known?.both === true });
    this.#work();
  }

  #work(): void {
    for (const [peerId, reason] of this.#reasons) {
      if (this.#over.signal.aborted || this.#comparing.size >= COMPARES_AT_ONCE) return;
      if (this.#comparing.has(peerId)) continue;
      this.#comparing.add(peerId);
      void this.#compare(reason).finally(() => {
        this.#comparing.delete(peerId);
        if (this.#reasons.size === 0) this.#lastAtMs = Date.now();
        this.#work();
      });
    }
  }

  /** Clears the reason, unless a new one has come meanwhile. */
  async #compare(reason: Reason): Promise<void> {
    const { member } = reason;
    const done = () => {
      if (this.#reasons.get(member.peerId) === reason) this.#reasons.delete(member.peerId);
    };
    try {
      if (await this.#takeStock(reason)) done();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const { ring, idSpace, log } = this.#context;
      log.debug('not-compared', { with: idSpace.format(member.nodeId), message: error.message });
      if (!ring.leafSet().some(({ peerId }) => peerId === member.peerId)) done();
      else await this.#pause(COMPARE_RETRY_MS);
    }
  }

  /** Lists what that peer has and this one has not. False: there is more than can be kept in mind at once. */
  async #takeStock({ member, both }: Reason): Promise<boolean> {
    const { storage, placement } = this.#context;
    const parts = { storage, streams: this.#context.replicaQuestions };
    const counts = new Set([...(await replicaCountsOf(parts, member)), ...storage.replicaCounts()]);
    for (const replicas of counts) {
      for (const range of placement.ownSlots(replicas)) {
        const own: SlotRange[] = [];
        const theirs = differences(parts, member, replicas, range, (differing) => own.push(differing));
        if (!(await this.#want(member, theirs))) return false;
        if (both && !(await this.#want(member, newerOfOwn(parts, member, replicas, own)))) return false;
      }
    }
    return true;
  }

  async #want(member: Contact, entries: AsyncIterable<Entry>): Promise<boolean> {
    for await (const entry of entries) {
      if (this.#pulls.full) return false;
      this.#pulls.add(member, entry, await this.#context.storage.record(entry.name));
    }
    return true;
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#over.signal }).catch(() => undefined);
  }

  #awaitPeriod(): void {
    this.#period = setTimeout(
      () => {
        for (const member of this.#context.ring.leafSet()) this.#compareWith(member, false);
        this.#handOverSoon(0);
        this.#awaitPeriod();
      },
      randomInt(PERIOD_MS_MIN, PERIOD_MS_MAX),
    ).unref();
  }

  /** Peers that do not come back in time are given up. */
  #awaitExpiry(): void {
    clearTimeout(this.#expiry);
    const { placement, ring } = this.#context;
    const delayMs = placement.expiresInMs;
    if (delayMs === Infinity) return;
    this.#expiry = setTimeout(
      () => {
        if (placement.expire()) for (const member of ring.leafSet()) this.#compareWith(member, true);
        this.#awaitExpiry();
        this.#handOverSoon(HAND_OVER_DELAY_MS);
      },
      Math.max(1, delayMs),
    ).unref();
  }

  #handOverSoon(delayMs: number): void {
    this.#isHandOverDue = true;
    this.#handOverDelayMs = HAND_OVER_DELAY_MS;
    clearTimeout(this.#handOver);
    this.#handOver = setTimeout(() => void this.#handOverNow(), delayMs).unref();
  }

  async #handOverNow(): Promise<void> {
    await this.#handingOver;
    if (this.#over.signal.aborted) return;
    this.#isHandOverDue = false;
    this.#handingOver = handOverStrays(this.#handOverParts).then(({ open, safe }) => {
      if (safe > 0) this.#context.log.info('handed-over', { files: safe, left: open });
      if (open === 0 || this.#over.signal.aborted) return;
      clearTimeout(this.#handOver);
      this.#handOver = setTimeout(() => void this.#handOverNow(), this.#handOverDelayMs).unref();
      this.#handOverDelayMs = Math.min(this.#handOverDelayMs * 2, HAND_OVER_DELAY_MS_MAX);
    });
    await this.#handingOver;
  }
}
