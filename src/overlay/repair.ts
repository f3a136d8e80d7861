/**
 * Closing the gaps that lost leaves tear. Whoever stood beside the lost node, towards us, knows who comes after;
 * it is asked for its leaf set. If a half is then still short, its last node is asked who follows it: a stranger
 * is probed; one of our own members means that the ring is small and closes here. Nothing is broadcast on a
 * timeout: only the two immediate neighbours of a dead node tell others, each its own side.
 */

import type { Contact } from '../id/contact.ts';
import type { NodeId } from '../id/id-space.ts';
import { randomBelow } from '../base/random.ts';
import type { Acquaintance, LostPlace } from './acquaintance.ts';
import type { Core } from './core.ts';
import type { Deadline } from './deadlines.ts';
import type { KnownNode } from './known-node.ts';
import type { Liveness } from './liveness.ts';
import type { FailureMessage } from './messages.ts';

export class Repair {
  private readonly core: Core;
  private readonly liveness: Liveness;
  private readonly acquaintance: Acquaintance;
  private readonly asked = new Set<KnownNode>();
  /** The last node of a short half, asked who follows it. */
  private end: { readonly node: KnownNode; readonly isClockwise: boolean } | undefined = undefined;
  private retry: Deadline | undefined = undefined;

  constructor(core: Core, liveness: Liveness, acquaintance: Acquaintance) {
    this.core = core;
    this.liveness = liveness;
    this.acquaintance = acquaintance;
  }

  /** Swaps leaf sets with a random member, for ever, at a slow pace. */
  startSwapping(): void {
    const { core } = this;
    core.deadlines.set(core.now + core.jittered(core.parameters.leafSetSwapMs) * core.random(), () => {
      this.swap();
    });
  }

  /** Whether the leaf set may lack somebody. */
  get pending(): boolean {
    if (this.asked.size > 0 || this.retry?.run !== undefined) return true;
    for (const node of this.core.candidates) if (node.forLeafSet && node.heard) return true;
    return false;
  }

  leafLost(node: KnownNode, place: LostPlace): void {
    if (!place.saidGoodbye && this.core.state === 'active') this.tellOthers(node.nodeId, place);
    // Who knew the whole ring knows it still.
    if (place.wasWhole) return;
    if (node.heirs !== undefined) this.acquaintance.considerAll(node.heirs);
    if (node.heirs === undefined || !this.bridges(node.nodeId, node.heirs)) this.askBeside(node.nodeId);
  }

  /** Others may have been kept out for its sake. */
  leafCandidateFailed(node: KnownNode): void {
    this.askBeside(node.nodeId);
  }

  ask(node: KnownNode): void {
    if (node.state === 'gone') return;
    this.asked.add(node);
    this.liveness.probe(node, true);
  }

  exchanged(node: KnownNode, contacts: readonly Contact[]): void {
    this.asked.delete(node);
    if (this.end?.node !== node) return;
    const { isClockwise } = this.end;
    this.end = undefined;
    const next = this.nextAfter(node.nodeId, contacts, isClockwise);
    if (next === undefined) this.retryLater();
    else if (next === this.core.self || this.core.known.get(next)?.inLeafSet === true) this.closeRing();
    else if (!this.core.known.has(next)) this.retryLater();
  }

  gone(node: KnownNode): void {
    this.asked.delete(node);
    if (this.end?.node === node) this.end = undefined;
  }

  onFailure(from: Contact, message: FailureMessage): void {
    const node = this.core.known.get(message.nodeId);
    if (node?.inLeafSet === true) {
      node.heirs = message.contacts;
      // The other has probed often enough: one probe of our own will do.
      this.liveness.probe(node, false, [this.core.parameters.checkTimeoutMs]);
    }
    this.checkAbsent(from.nodeId, message.contacts);
  }

  /**
   * A leaf set of an active node says also who is not there: a member of ours that it should list and does not,
   * and that was not heard lately, is checked. So word of a death gets around even if those beside it died, too.
   */
  checkAbsent(sender: NodeId, contacts: readonly Contact[]): void {
    const { core } = this;
    const { space } = core.geometry;
    let reachCw = 0;
    let reachCcw = 0;
    for (const { nodeId } of contacts) {
      const cw = space.clockwise(sender, nodeId);
      if (2 * cw < space.size) reachCw = Math.max(reachCw, cw);
      else reachCcw = Math.max(reachCcw, space.size - cw);
    }
    for (const node of core.leafSet.members()) {
      if (core.now - node.heardAt < core.parameters.silenceMs || node.nodeId === sender) continue;
      const cw = space.clockwise(sender, node.nodeId);
      if (cw >= reachCw && space.size - cw >= reachCcw) continue;
      if (!contacts.some((contact) => contact.nodeId === node.nodeId)) this.liveness.probe(node, false);
    }
  }

  /** At the end of a step that changed the view: goes on where a half is short and nothing is under way. */
  settle(): void {
    const { core } = this;
    if (core.leafSet.isComplete() || this.asked.size > 0 || this.retry?.run !== undefined) return;
    for (const node of core.candidates) if (node.forLeafSet) return;
    const isClockwise = core.leafSet.clockwise.length < core.leafSet.half;
    const half = isClockwise ? core.leafSet.clockwise : core.leafSet.counterclockwise;
    if (half.length === 0) {
      for (const node of core.table.entries()) if (node.state === 'live') core.leafSet.insert(node);
      if (half.length === 0) this.closeRing();
    }
    const last = half.at(-1);
    if (last === undefined) return;
    this.end = { node: last, isClockwise };
    this.ask(last);
  }

  private swap(): void {
    const { core } = this;
    const members = core.leafSet.members();
    const node = members[randomBelow(core.random, members.length)];
    if (node?.state === 'live') this.liveness.probe(node, true);
    core.deadlines.set(core.now + core.jittered(core.parameters.leafSetSwapMs), () => {
      this.swap();
    });
  }

  /** Whether the contacts told reach from a lost position to the far end of that half as it will be: then nobody is missing between. */
  private bridges(lost: NodeId, contacts: readonly Contact[]): boolean {
    const { core } = this;
    const { half, away } = this.side(lost);
    const ids = half.map((node) => node.nodeId);
    for (const node of core.candidates) if (node.forLeafSet) ids.push(node.nodeId);
    const end = ids.sort((a, b) => away(a) - away(b))[core.leafSet.half - 1];
    return end !== undefined && contacts.some((contact) => contact.nodeId === end);
  }

  /** The member next to a lost position on our side of it, else the one behind it, knows all that we now miss. */
  private askBeside(lost: NodeId): void {
    const { half, away } = this.side(lost);
    const before = half.findLast((node) => away(node.nodeId) < away(lost));
    const target = before ?? half[0];
    if (target !== undefined) this.ask(target);
  }

  /** The half in whose direction a position lies, and the distance in that direction. */
  private side(position: NodeId): { readonly half: readonly KnownNode[]; readonly away: (id: NodeId) => number } {
    const { geometry, self, leafSet } = this.core;
    const { space } = geometry;
    return space.clockwise(self, position) <= space.clockwise(position, self)
      ? { half: leafSet.clockwise, away: (id) => space.clockwise(self, id) }
      : { half: leafSet.counterclockwise, away: (id) => space.clockwise(id, self) };
  }

  private nextAfter(id: NodeId, contacts: readonly Contact[], isClockwise: boolean): NodeId | undefined {
    const { space } = this.core.geometry;
    let next: NodeId | undefined;
    let nearest = Infinity;
    for (const { nodeId } of contacts) {
      if (nodeId === id) continue;
      const distance = isClockwise ? space.clockwise(id, nodeId) : space.clockwise(nodeId, id);
      if (distance < nearest) {
        nearest = distance;
        next = nodeId;
      }
    }
    return next;
  }

  /** The whole ring is known: everybody may stand in both halves. */
  private closeRing(): void {
    const { leafSet } = this.core;
    for (const node of leafSet.members()) leafSet.insert(node);
    this.core.viewChanged = true;
  }

  private retryLater(): void {
    const { core } = this;
    if (this.retry?.run !== undefined) return;
    this.retry = core.deadlines.set(core.now + core.jittered(core.parameters.repairRetryMs), () => {
      core.viewChanged = true;
    });
  }

  /** An immediate neighbour of the dead node tells its own side and the other neighbour; anybody else tells those two. */
  private tellOthers(dead: NodeId, place: LostPlace): void {
    const { core } = this;
    const { clockwise, counterclockwise, half } = core.leafSet;
    const receivers = new Set<KnownNode | undefined>();
    if (place.wasSuccessor) {
      for (const node of counterclockwise.slice(0, half - 1)) receivers.add(node);
      receivers.add(clockwise[0]);
    }
    if (place.wasPredecessor) {
      for (const node of clockwise.slice(0, half - 1)) receivers.add(node);
      receivers.add(counterclockwise[0]);
    }
    if (receivers.size === 0) {
      const { space } = core.geometry;
      const byNearness = core.leafSet
        .members()
        .toSorted((a, b) => space.distance(a.nodeId, dead) - space.distance(b.nodeId, dead));
      for (const node of byNearness.slice(0, 2)) receivers.add(node);
    }
    const contacts = [...core.neighbourhood(), core.contact];
    for (const node of receivers) {
      if (node?.state === 'live') core.send(node, { type: 'failure', nodeId: dead, contacts });
    }
  }
}
