/**
 * How nodes make themselves known and are lost. Leaf sets are swapped by probe and reply; a node that probes us is
 * verified by the echo of our reply; who has answered is admitted wherever it belongs, who has not is dismissed. What
 * goes is remembered, and leaves a gap to repair.
 */

import type { Contact } from '../id/contact.ts';
import type { NodeId } from '../id/id-space.ts';
import type { Core } from './core.ts';
import type { Hearsay } from './hearsay.ts';
import type { KnownNode } from './known-node.ts';
import type { Liveness } from './liveness.ts';
import type { Death, ProbeMessage, ProbeReplyMessage } from './messages.ts';
import type { Placement } from './placement.ts';
import type { Remembered } from './remembered.ts';
import { NEARER_RATIO } from './routing-table.ts';

export type AcquaintancePorts = {
  /** A member of the leaf set is gone. */
  leafLost(node: KnownNode, place: LostPlace, goodbye: readonly Contact[] | undefined): void;
  /** A candidate for the leaf set did not answer. */
  leafCandidateFailed(node: KnownNode): void;
  /** An exchange has been answered, and its contacts considered. */
  exchanged(node: KnownNode, contacts: readonly Contact[]): void;
  /** Nothing more will come from it. */
  gone(node: KnownNode): void;
  /** A node that was remembered, or met from outside, is alive and no neighbour: perhaps it is on another ring. */
  strangerMet(contact: Contact): void;
};

/** Where a lost leaf had been. */
export type LostPlace = {
  /** The set held the whole ring. */
  readonly wasWhole: boolean;
  readonly wasSuccessor: boolean;
  /** It stood in that half; in a small ring it may have stood in the other, too. */
  readonly wasClockwise: boolean;
};

type Word = { readonly dead: readonly Death[]; readonly contacts: readonly Contact[] };

/** How a node went. */
export type Loss = {
  /** It may be back. */
  readonly remember: boolean;
  /** It said so itself, to all its leaves, and this is its leaf set. */
  readonly goodbye?: readonly Contact[];
};

export class Acquaintance {
  private readonly core: Core;
  private readonly liveness: Liveness;
  private readonly remembered: Remembered;
  private readonly placement: Placement;
  private readonly hearsay: Hearsay;
  private readonly ports: AcquaintancePorts;

  constructor(
    core: Core,
    parts: { liveness: Liveness; remembered: Remembered; placement: Placement; hearsay: Hearsay },
    ports: AcquaintancePorts,
  ) {
    this.core = core;
    this.liveness = parts.liveness;
    this.remembered = parts.remembered;
    this.placement = parts.placement;
    this.hearsay = parts.hearsay;
    this.ports = ports;
  }

  /** A node of which we know nothing has written to us as to a neighbour. */
  meet(from: Contact): void {
    const { core } = this;
    if (core.known.has(from.nodeId)) return;
    const node = core.learn(from);
    node.heard = true;
    node.forLeafSet = core.leafSet.wouldEnter(from.nodeId, core.candidates, 'neither');
    this.liveness.probe(node, true);
  }

  onProbe(from: Contact, message: ProbeMessage): void {
    const { core } = this;
    let node = core.known.get(from.nodeId);
    if (node === undefined) {
      const holder = message.exchange || message.nearer ? undefined : this.holderInstead(from.nodeId);
      if (holder !== undefined) {
        this.reply(from, message, { replyId: 0, holderMs: Math.max(holder.smoothedMs, 0) });
        return;
      }
      node = core.learn(from);
      node.heard = true;
      node.heardAt = core.now;
    }
    this.exchanged(node, message);
    if (message.exchange) node.deathsTold = core.deathsKnown;
    if (node.state === 'candidate') {
      node.forLeafSet ||= core.leafSet.wouldEnter(from.nodeId, core.candidates, node.follows);
    }
    const replyId = node.state === 'candidate' ? this.liveness.awaitEcho(node) : 0;
    this.reply(from, message, { replyId, holderMs: 0 });
    this.hearsay.considerAll(message.contacts, from.nodeId, core.state === 'joining' && message.active);
  }

  /** Leaf sets come with word of the dead, which may make room for the sender: it takes itself for a neighbour. */
  private exchanged(node: KnownNode, message: ProbeMessage | ProbeReplyMessage): void {
    if (!message.exchange) return;
    node.active = message.active;
    this.doubtDead(message);
    node.follows = this.hearsay.whereFollows(node.nodeId, message.contacts);
    if (node.state === 'live' && !node.inLeafSet) this.placement.insertLeaf(node);
  }

  /** Who stands in the only place that there would be for a stranger. One that was thought dead is no stranger. */
  private holderInstead(id: NodeId): KnownNode | undefined {
    const { core } = this;
    if (this.remembered.has(id) || core.isBuried(id)) return undefined;
    const holder = core.table.holder(id);
    return holder?.state === 'live' && core.leafSet.isBeyond(id) ? holder : undefined;
  }

  private reply(to: Contact, { messageId, exchange }: ProbeMessage, rest: { replyId: number; holderMs: number }): void {
    const { core } = this;
    core.sendTo(to, {
      ...{ type: 'probe-reply', messageId, exchange, ...rest },
      active: core.state === 'active',
      contacts: exchange ? core.neighbourhood() : [],
      dead: exchange ? core.dead() : [],
    });
  }

  onReply(node: KnownNode, message: ProbeReplyMessage): void {
    const { core } = this;
    if (message.replyId !== 0) core.send(node, { type: 'ack', messageId: message.replyId });
    this.liveness.onReply(node, message);
    const isNearer = node.smoothedMs >= 0 && node.smoothedMs < NEARER_RATIO * message.holderMs;
    if (isNearer && node.state === 'live') this.offerNearer(node);
    this.exchanged(node, message);
    this.hearsay.considerAll(message.contacts, node.nodeId, core.state === 'joining' && message.active);
    if (!message.exchange) return;
    this.ports.exchanged(node, message.contacts);
    core.viewChanged = true;
  }

  /** Nothing is waited for: it is to the other's good. */
  private offerNearer(node: KnownNode): void {
    const { core } = this;
    const messageId = core.newMessageId();
    const active = core.state === 'active';
    core.send(node, { type: 'probe', messageId, exchange: false, active, nearer: true, contacts: [], dead: [] });
  }

  /** Another's word of deaths is checked, unless we have heard from the dead one since. Word of strangers among our leaves is passed on. */
  doubtDead({ dead, contacts }: Word): void {
    const { core } = this;
    for (const { nodeId, agoMs } of dead) {
      const node = core.known.get(nodeId);
      const at = core.now - agoMs;
      if (node?.inLeafSet === true) {
        if (node.heardAt <= at) this.liveness.doubt(node, contacts);
      } else if (node?.state !== 'live' && nodeId !== core.self && core.leafSet.covers(nodeId)) {
        core.hearOfDeath(nodeId, at);
      }
    }
  }

  /** A candidate has proven itself: it enters wherever it belongs. */
  admit(node: KnownNode): void {
    const { core } = this;
    core.candidates.delete(node);
    core.table.endTrial(node);
    node.state = 'live';
    const { forLeafSet } = node;
    node.forLeafSet = false;
    const wasRemembered = this.remembered.has(node.nodeId);
    this.remembered.forget(node.nodeId);
    core.unbury(node.nodeId);
    core.viewChanged = true;
    const isLeaf = (forLeafSet || core.state === 'active') && this.placement.insertLeaf(node);
    this.placement.offerToTable(node);
    this.placement.release(node);
    if (wasRemembered && !isLeaf) this.ports.strangerMet(node.contact);
  }

  /** A candidate has not answered. */
  dismiss(node: KnownNode): void {
    const { core } = this;
    core.table.endTrial(node);
    core.viewChanged = true;
    this.placement.forgetCandidate(node);
    if (node.heard && node.forLeafSet && !this.remembered.has(node.nodeId)) this.hearsay.tryAgain(node.contact);
    this.remembered.add(node.contact, node.heard);
    if (node.forLeafSet) core.bury(node.nodeId);
    this.ports.gone(node);
    if (node.forLeafSet) this.ports.leafCandidateFailed(node);
  }

  /** Takes a node out of everything. */
  lose(node: KnownNode, { remember, goodbye }: Loss): void {
    const { core } = this;
    const { leafSet } = core;
    core.candidates.delete(node);
    core.deadlines.cancel(node.probe?.deadline);
    node.probe = undefined;
    const place: LostPlace = {
      wasWhole: leafSet.overlaps(),
      wasSuccessor: leafSet.clockwise[0] === node,
      wasClockwise: leafSet.clockwise.includes(node),
    };
    const wasLeaf = leafSet.remove(node);
    core.table.remove(node);
    node.state = 'gone';
    core.known.delete(node.nodeId);
    core.viewChanged = true;
    if (remember) this.remembered.add(node.contact);
    else this.remembered.forget(node.nodeId);
    core.observe({ kind: 'dead', nodeId: node.nodeId });
    this.ports.gone(node);
    if (!wasLeaf) return;
    if (remember || goodbye !== undefined) core.bury(node.nodeId);
    core.neighboursChanged = true;
    core.tableMayFit = true;
    this.ports.leafLost(node, place, goodbye);
  }

  /** An id passes on once its holder has left for good: the later certificate counts, and ends what was known of the earlier holder. */
  holdsItsId(from: Contact): boolean {
    const known = this.core.known.get(from.nodeId);
    if (known === undefined || known.contact.peerId === from.peerId) return true;
    if (from.serial <= known.contact.serial) return false;
    this.lose(known, { remember: false });
    return true;
  }
}
