/**
 * Becoming a member. A join is routed to the joiner's own id; what it brings back is probed, and what that tells,
 * until every member of the leaf set has answered and nothing new turns up, with at least one active node among
 * them: only then is the joiner active. Whoever it probed knows of it before that and holds back, so that joins
 * side by side between the same neighbours are safe (Castro et al., MSPastry, DSN 2004).
 *
 * When everybody starts at once there is no active node. The joiner with the lowest id among those it has found
 * then founds the ring, and the others follow as they hear of it.
 */

import type { Contact } from '../id/contact.ts';
import { randomBelow } from '../base/random.ts';
import type { Core } from './core.ts';
import type { Deadline } from './deadlines.ts';
import type { Hearsay } from './hearsay.ts';
import type { KnownNode } from './known-node.ts';
import type { ContactsMessage } from './messages.ts';
import type { Repair } from './repair.ts';

/** Seeds asked side by side after the first has not helped. */
const SEEDS_AT_ONCE = 3;
const ATTEMPT_GROWTH = 1.5;
const ATTEMPT_CAP_FACTOR = 8;
/** After so many times the cold-start wait, any joiner may found the ring. */
const ANYONE_FOUNDS_FACTOR = 3;

export class Join {
  private readonly core: Core;
  private readonly hearsay: Hearsay;
  private readonly repair: Repair;
  private readonly activated: () => void;
  private seeds: Contact[] = [];
  private nextSeed = 0;
  private attempts = 0;
  private startedAt = 0;
  /** The latest requests of ours, and when they were sent: their rows may arrive after the end. */
  private readonly requests = new Map<number, number>();
  private answered = false;
  private retry: Deadline | undefined = undefined;
  private located = -Infinity;

  constructor(core: Core, hearsay: Hearsay, repair: Repair, activated: () => void) {
    this.core = core;
    this.hearsay = hearsay;
    this.repair = repair;
    this.activated = activated;
  }

  start(seeds: readonly Contact[], alone: boolean): void {
    const { core } = this;
    core.state = 'joining';
    this.startedAt = core.now;
    this.seeds = seeds.filter((seed) => seed.nodeId !== core.self);
    if (alone || this.seeds.length === 0) {
      this.found();
      return;
    }
    this.nextSeed = randomBelow(core.random, this.seeds.length);
    this.attempt();
    this.watchColdStart(core.jittered(core.parameters.coldStartMs));
  }

  /** Ends the waiting for others: this node is the ring. */
  found(): void {
    this.core.observe({ kind: 'founded' });
    this.activate();
  }

  /** Seeds, for the driver to persist while nothing better is known. */
  pendingSeeds(): readonly Contact[] {
    return this.seeds;
  }

  addSeeds(seeds: readonly Contact[]): void {
    for (const seed of seeds) {
      if (seed.nodeId === this.core.self) continue;
      const index = this.seeds.findIndex((other) => other.nodeId === seed.nodeId);
      if (index >= 0) this.seeds[index] = seed;
      else this.seeds.push(seed);
    }
  }

  /** Hearsay from outside. Those that fit are probed; one of the others is asked for our place, lest it be on another ring. */
  hearOf(contacts: readonly Contact[]): void {
    const { core } = this;
    if (core.state === 'joining') this.addSeeds(contacts);
    if (core.state !== 'active') return;
    this.hearsay.considerAll(contacts);
    const strangers = contacts.filter((c) => c.nodeId !== core.self && core.known.get(c.nodeId)?.inLeafSet !== true);
    const stranger = strangers[randomBelow(core.random, strangers.length)];
    if (stranger !== undefined) this.locate(stranger);
  }

  /** A seed refused: the next one now. */
  onUnreachable(contact: Contact): void {
    if (this.core.state !== 'joining' || this.answered || this.retry === undefined) return;
    if (!this.seeds.some((seed) => seed.nodeId === contact.nodeId)) return;
    this.core.deadlines.cancel(this.retry);
    this.retryAfter(this.core.parameters.refusedProbeMs);
  }

  /** Whether a request is one of ours that may still be answered: by anybody, because it is routed. */
  owns(requestId: number): boolean {
    const sentAt = this.requests.get(requestId) ?? -Infinity;
    return this.core.now - sentAt <= this.core.parameters.lookupDeadlineMs;
  }

  /** What a join of ours brings back: rows on its way, a leaf set at its end. */
  onContacts(from: Contact, message: ContactsMessage): void {
    const { core } = this;
    const contacts = [from, ...message.contacts];
    if (!message.last) {
      for (const contact of contacts) this.hearsay.considerForTable(contact);
      return;
    }
    this.answered = true;
    this.hearsay.considerAll(contacts, from.nodeId, core.state === 'joining');
  }

  /** A neighbour says that it has joined: its leaf set, asked for now, will let us follow. */
  onActiveNeighbour(node: KnownNode): void {
    if (this.core.state === 'joining' && !node.active && node.inLeafSet) this.repair.ask(node);
  }

  /** Asks a node met from outside for our place on its ring; if that is ours, nothing comes of it. */
  locate(via: Contact): void {
    const { core } = this;
    if (core.state !== 'active' || core.now - this.located < core.parameters.locateGapMs) return;
    this.located = core.now;
    this.sendJoin(via);
  }

  /** At the end of a step while joining: active, once all conditions hold. */
  settle(): void {
    if (this.core.state !== 'joining' || !this.isClosed()) return;
    if (this.core.leafSet.members().some((node) => node.active)) this.activate();
  }

  /** Every member has answered, and nobody is left to ask. */
  private isClosed(): boolean {
    const { core } = this;
    const members = core.leafSet.members();
    if (members.length === 0 || !core.leafSet.isComplete() || this.repair.pending) return false;
    for (const node of core.candidates) if (node.forLeafSet) return false;
    return members.every((node) => node.state === 'live');
  }

  private activate(): void {
    const { core } = this;
    core.state = 'active';
    core.deadlines.cancel(this.retry);
    this.retry = undefined;
    this.seeds = [];
    core.viewChanged = true;
    core.emit({ type: 'joined' });
    this.activated();
  }

  private attempt(): void {
    const { core } = this;
    if (core.state !== 'joining') return;
    // Remembered neighbours are probed directly once the way through a ring has not helped: there may be none.
    if (this.attempts > 0) this.considerNearestSeeds();
    const count = this.attempts === 0 ? 1 : Math.min(SEEDS_AT_ONCE, this.seeds.length);
    for (let i = 0; i < count; i++) {
      const seed = this.seeds[this.nextSeed++ % this.seeds.length];
      if (seed !== undefined) this.sendJoin(seed);
    }
    this.attempts += 1;
    const growth = Math.min(ATTEMPT_GROWTH ** (this.attempts - 1), ATTEMPT_CAP_FACTOR);
    this.retryAfter(core.jittered(core.parameters.joinAttemptMs * growth));
  }

  private retryAfter(ms: number): void {
    const { core } = this;
    this.retry = core.deadlines.set(core.now + ms, () => {
      this.attempt();
    });
  }

  private sendJoin(via: Contact): void {
    const { core } = this;
    const requestId = core.newRequestId();
    this.requests.set(requestId, core.now);
    if (this.requests.size > 2 * SEEDS_AT_ONCE) {
      const [oldest] = this.requests.keys();
      if (oldest !== undefined) this.requests.delete(oldest);
    }
    core.sendTo(via, {
      type: 'join',
      messageId: core.newMessageId(),
      requestId,
      joiner: core.contact,
      rowsSupplied: 0,
      hops: 0,
    });
  }

  private considerNearestSeeds(): void {
    const { core } = this;
    const { space } = core.geometry;
    const clockwise = this.seeds.toSorted(
      (a, b) => space.clockwise(core.self, a.nodeId) - space.clockwise(core.self, b.nodeId),
    );
    const half = core.parameters.leafSetHalf;
    const nearest = [...clockwise.slice(0, half), ...clockwise.slice(-half)];
    this.hearsay.considerAll(nearest);
  }

  private watchColdStart(ms: number): void {
    const { core } = this;
    core.deadlines.set(core.now + ms, () => {
      if (core.state !== 'joining') return;
      const waited = core.now - this.startedAt;
      const isLowest = core.leafSet.members().every((node) => node.nodeId > core.self);
      const anyone = waited >= ANYONE_FOUNDS_FACTOR * core.parameters.coldStartMs;
      if (this.isClosed() && (isLowest || anyone) && !core.leafSet.members().some((node) => node.active)) this.found();
      else this.watchColdStart(core.jittered(core.parameters.joinAttemptMs));
    });
  }
}
