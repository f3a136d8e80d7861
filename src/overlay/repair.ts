/**
 * Closing the gaps that lost leaves tear, with few messages. The watcher of a dead node tells the others on its side
 * (death-news.ts). Each of these checks for itself, and writes to the node that now enters its leaf set, one on the
 * far side of the gap. That one reads in the exchange who is dead, checks too, and has its own new member in the
 * writer: so each pair across the gap is made by one exchange, begun by the counterclockwise.
 *
 * If a half stays short, whoever stood beside the lost node is asked for its leaf set, then the last node of the half
 * who follows it: a stranger is probed; one of our own members means that the ring is small and closes here.
 */

import type { Contact } from '../id/contact.ts';
import type { NodeId } from '../id/id-space.ts';
import type { LostPlace } from './acquaintance.ts';
import type { Core } from './core.ts';
import type { Deadline } from './deadlines.ts';
import type { Hearsay } from './hearsay.ts';
import type { KnownNode } from './known-node.ts';
import type { Liveness } from './liveness.ts';
import { DeathNews, type DeadLeaf } from './death-news.ts';
import { LostHalves } from './lost-halves.ts';
import type { Remembered } from './remembered.ts';
import { HALVES, type Half } from './side.ts';

type LostLeaf = DeadLeaf & { readonly goodbye: readonly Contact[] | undefined };

export class Repair {
  private readonly core: Core;
  private readonly liveness: Liveness;
  private readonly hearsay: Hearsay;
  private readonly remembered: Remembered;
  private readonly news: DeathNews;
  private readonly lostHalves: LostHalves;
  private readonly asked = new Set<KnownNode>();
  /** The last node of a short half, asked who follows it. */
  private end: { readonly node: KnownNode; readonly side: Half } | undefined = undefined;
  private retry: Deadline | undefined = undefined;
  private swaps = 0;
  private lost: LostLeaf[] = [];

  constructor(core: Core, liveness: Liveness, hearsay: Hearsay, remembered: Remembered) {
    this.core = core;
    this.liveness = liveness;
    this.hearsay = hearsay;
    this.remembered = remembered;
    this.news = new DeathNews(core, liveness);
    this.lostHalves = new LostHalves(core, remembered, (node) => {
      this.ask(node);
    });
  }

  /** Swaps leaf sets with a member, for ever, at a slow pace. */
  startSwapping(): void {
    const { core } = this;
    core.deadlines.set(core.now + core.jittered(core.parameters.leafSetSwapMs) * core.random(), () => {
      this.swap();
    });
  }

  /** Whether the leaf set may lack somebody. */
  get pending(): boolean {
    const waits = this.retry?.run !== undefined && !this.core.leafSet.isComplete();
    if (this.lostHalves.pending || this.asked.size > 0 || waits) return true;
    for (const node of this.core.candidates) {
      if (node.forLeafSet && node.heard && !this.remembered.isHollow(node.nodeId)) return true;
    }
    return false;
  }

  /** Settled at the end of the step: those that go together are told, and replaced, together. */
  leafLost(node: KnownNode, place: LostPlace, goodbye: readonly Contact[] | undefined): void {
    this.lost.push({ node, place, goodbye });
  }

  /** Others may have been kept out for its sake. */
  leafCandidateFailed(node: KnownNode): void {
    const { leafSet } = this.core;
    const side = leafSet.sideOf(node.nodeId);
    const last = leafSet[side].at(-1);
    const wasWithin = last !== undefined && leafSet.isFartherOut(side, last.nodeId, node.nodeId);
    if (wasWithin && side === 'clockwise') this.news.clockwiseDied();
    if (wasWithin || !leafSet.isComplete()) this.askBeside(node.nodeId);
  }

  /** During a long sleep others have given this node up and filled its place: it writes to all that it knew. */
  afterSleep(): void {
    const { core } = this;
    const sleptLong = core.sleptMs > core.parameters.buriedMs;
    core.sleptMs = 0;
    if (sleptLong && core.state === 'active') for (const node of core.leafSet.members()) this.ask(node);
  }

  ask(node: KnownNode): void {
    if (node.state === 'gone') return;
    this.asked.add(node);
    this.liveness.probe(node, true);
  }

  exchanged(node: KnownNode, contacts: readonly Contact[]): void {
    this.asked.delete(node);
    this.lostHalves.exchanged(node, contacts);
    if (this.lostHalves.pending) this.retryAfter(this.core.parameters.repairRetryMs);
    if (this.end?.node !== node) return;
    const { side } = this.end;
    this.end = undefined;
    const { core } = this;
    const next = this.nextAfter(node.nodeId, contacts, side);
    const known = next === undefined ? undefined : core.known.get(next.nodeId);
    if (next === undefined) {
      this.retryAfter(core.parameters.repairRetryMs);
    } else if (next.nodeId === core.self || (known?.inLeafSet === true && !core.leafSet[side].includes(known))) {
      // Unless it skips some of the other half: then it lacks a half itself.
      if (this.isLastOpposite(next.nodeId, side)) this.closeRing();
      else this.retryAfter(core.parameters.repairRetryMs);
    } else if (known?.inLeafSet !== true && !this.hearsay.considerNext(next, side)) {
      this.retryAfter(core.parameters.repairRetryMs);
    }
  }

  gone(node: KnownNode): void {
    this.asked.delete(node);
    if (this.end?.node === node) this.end = undefined;
  }

  /** At the end of a step that changed the view: goes on where a half is short and nothing is under way. */
  settle(): void {
    const { core } = this;
    if (this.lost.length > 0) this.closeGaps();
    this.news.tellAcross();
    if (this.asked.size > 0 || this.awaitsLeaf()) return;
    const empty = this.emptySides();
    if (empty.length > 0) {
      const begun = empty.filter((side) => this.lostHalves.begin(side));
      if (begun.length === 0) this.closeRing();
      return;
    }
    if (this.retry?.run !== undefined) return;
    this.lostHalves.goOn();
    if (core.leafSet.isComplete() || this.asked.size > 0) return;
    const side = core.leafSet.clockwise.length < core.leafSet.half ? 'clockwise' : 'counterclockwise';
    const last = core.leafSet[side].at(-1);
    if (last === undefined) return;
    this.end = { node: last, side };
    this.ask(last);
  }

  private swap(): void {
    const { core } = this;
    const { leafSetSwapMs, swapPerNodeMs } = core.parameters;
    const members = core.leafSet.members();
    this.swaps += 1;
    if (this.swaps % 2 === 1 || !this.hearsay.reprobe()) {
      // Not any: the one that was silent longest. So nobody is taken for a leaf for ever because word of its death was lost.
      const [silent] = members.toSorted((a, b) => a.heardAt - b.heardAt);
      if (silent?.state === 'live') this.liveness.probe(silent, true);
    }
    // The fewer there are, the more often: then the other part of a ring that was parted is as soon found.
    const waitMs = Math.min(leafSetSwapMs, swapPerNodeMs * (members.length + 1));
    core.deadlines.set(core.now + core.jittered(waitMs), () => {
      this.swap();
    });
  }

  /** Halves without any member, though others are known. */
  private emptySides(): readonly Half[] {
    const { leafSet, table, state } = this.core;
    if (leafSet.members().length === 0) {
      const knowsOthers = state === 'active' && table.entries().some((node) => node.state === 'live');
      if (!knowsOthers) return [];
    }
    return HALVES.filter((side) => leafSet[side].length === 0);
  }

  private closeGaps(): void {
    const { core } = this;
    const { lost } = this;
    this.lost = [];
    const isActive = core.state === 'active';
    const died = lost.filter(({ goodbye }) => goodbye === undefined);
    if (isActive) this.news.leavesDied(died);
    // Who knew the whole ring knows it still; who took another in while a node was suspected has no gap.
    if (!core.leafSet.isComplete() && lost.some(({ place }) => place.wasWhole)) this.closeRing();
    if (core.leafSet.isComplete()) return;
    const ours = lost.filter(({ place }) => !isActive || place.wasClockwise);
    for (const { node, goodbye } of ours) this.hearsay.considerAll(goodbye ?? node.heirs ?? []);
    if (core.leafSet.isComplete() || this.awaitsLeaf()) return;
    // Whoever watched it will write, or the one across the gap; who watched it itself asks, and who is told in vain.
    const urgent = ours.find(({ node, place }) => !isActive || place.wasSuccessor || node.heirs !== undefined);
    if (urgent === undefined) this.retryAfter(core.parameters.repairGraceMs);
    else this.askBeside(urgent.node.nodeId);
  }

  /** The watcher of a dead node tells who is there besides: that may close a gap which we have noticed before. */
  onFailure(contacts: readonly Contact[]): void {
    if (!this.core.leafSet.isComplete()) this.hearsay.considerAll(contacts);
  }

  /** Somebody is being probed who may close the gap. */
  private awaitsLeaf(): boolean {
    for (const node of this.core.candidates) if (node.forLeafSet) return true;
    return false;
  }

  /** The member next to a lost position on our side of it, else the one behind it, knows all that we now miss. */
  private askBeside(lost: NodeId): void {
    const { leafSet } = this.core;
    const side = leafSet.sideOf(lost);
    const before = leafSet[side].findLast((node) => leafSet.isFartherOut(side, lost, node.nodeId));
    const target = before ?? leafSet[side][0];
    if (target !== undefined) this.ask(target);
  }

  private nextAfter(id: NodeId, contacts: readonly Contact[], side: Half): Contact | undefined {
    const { space } = this.core.geometry;
    let next: Contact | undefined;
    let nearest = Infinity;
    for (const contact of contacts) {
      const { nodeId } = contact;
      if (nodeId === id) continue;
      const distance = side === 'clockwise' ? space.clockwise(id, nodeId) : space.clockwise(nodeId, id);
      if (distance < nearest) {
        nearest = distance;
        next = contact;
      }
    }
    return next;
  }

  /** Whether nobody in the other half stands farther out than this one (which may be this node itself). */
  private isLastOpposite(id: NodeId, side: Half): boolean {
    const { leafSet, self } = this.core;
    const last = leafSet[side === 'clockwise' ? 'counterclockwise' : 'clockwise'].findLast((n) => n.state === 'live');
    return last === undefined || last.nodeId === id || id === self;
  }

  /** The whole ring is known: everybody may stand in both halves. */
  private closeRing(): void {
    const { leafSet } = this.core;
    for (const node of leafSet.members()) {
      if (leafSet.insert(node) !== undefined) this.liveness.probe(node, true);
    }
    this.core.viewChanged = true;
  }

  private retryAfter(ms: number): void {
    const { core } = this;
    if (this.retry?.run !== undefined) return;
    this.retry = core.deadlines.set(core.now + core.jittered(ms), () => {
      core.viewChanged = true;
    });
  }
}
