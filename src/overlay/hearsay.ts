/**
 * What becomes of word about other nodes. Nobody enters a table for being talked of: who would matter is probed, and
 * enters once it has answered; for an empty slot of the table the next lookup that needs it is the probe. Word about
 * those that did not answer just now is not believed for a while, because that is how the dead return.
 */

import type { Contact } from '../id/contact.ts';
import type { NodeId } from '../id/id-space.ts';
import type { Core } from './core.ts';
import type { KnownNode } from './known-node.ts';
import type { Liveness } from './liveness.ts';
import type { Placement } from './placement.ts';
import type { Remembered } from './remembered.ts';
import type { Half, Side } from './side.ts';

export class Hearsay {
  private readonly core: Core;
  private readonly liveness: Liveness;
  private readonly remembered: Remembered;
  private readonly placement: Placement;

  constructor(core: Core, liveness: Liveness, remembered: Remembered, placement: Placement) {
    this.core = core;
    this.liveness = liveness;
    this.remembered = remembered;
    this.placement = placement;
  }

  /**
   * Probes a node that somebody told of if it would enter the leaf set or an empty slot; says whether it does. What a
   * neighbour vouches for is tried even if it has just failed: a joiner must not overlook it.
   */
  consider(contact: Contact, follows: Side = 'neither', vouched = false): boolean {
    const { core } = this;
    const id = contact.nodeId;
    const known = core.known.get(id);
    if (known !== undefined) return this.considerKnown(known, follows);
    if (id === core.self) return false;
    if (!vouched && this.remembered.disbelieves(contact)) {
      this.remembered.mention(id);
      return false;
    }
    const forLeafSet = core.leafSet.wouldEnter(id, core.candidates, follows);
    if (!forLeafSet && !this.hasRoom(id)) return false;
    this.probeNew(contact, forLeafSet, follows);
    return true;
  }

  /** Nearest first, so that nobody is probed for a place that another on the list takes. */
  considerAll(contacts: readonly Contact[], teller?: NodeId, vouched = false): void {
    const { core } = this;
    const { space } = core.geometry;
    const away = ({ nodeId }: Contact): number => space.distance(core.self, nodeId);
    const fresh: Contact[] = [];
    for (const contact of contacts) {
      const { nodeId } = contact;
      const matters = core.leafSet.isBeyond(nodeId)
        ? core.table.hasRoomFor(nodeId)
        : core.known.get(nodeId)?.inLeafSet !== true;
      if (matters) fresh.push(contact);
    }
    if (fresh.length > 1) fresh.sort((a, b) => away(a) - away(b));
    if (fresh.length === 0) return;
    const isTold = {
      clockwise: this.knowsEnd('clockwise', contacts, teller, false),
      counterclockwise: this.knowsEnd('counterclockwise', contacts, teller, false),
    };
    for (const contact of fresh) {
      const side = this.core.leafSet.sideOf(contact.nodeId);
      this.consider(contact, isTold[side] ? side : 'neither', vouched);
    }
  }

  /** Where one that swaps leaf sets with us follows our last leaf, if it does. */
  whereFollows(teller: NodeId, contacts: readonly Contact[]): Side {
    const side = this.core.leafSet.sideOf(teller);
    // The place of a suspected member is only for one that writes to us itself: the others would come all at once.
    return this.knowsEnd(side, contacts, teller, true) ? side : 'neither';
  }

  /** The last member of a short half says that this one follows it; false when that one does not answer. */
  considerNext(contact: Contact, side: Side): boolean {
    const { core } = this;
    let node = core.known.get(contact.nodeId);
    if (node === undefined) {
      if (this.remembered.disbelieves(contact)) return false;
      node = core.learn(contact);
    }
    if (node.state === 'suspected') return false;
    node.follows = side;
    if (node.state === 'candidate') node.forLeafSet = true;
    else if (node.state === 'live') this.placement.insertLeaf(node);
    this.liveness.probe(node, true);
    return true;
  }

  /** The leaf set has changed: a table entry may stand between its members now, and enters if it lives. */
  considerTable(): void {
    const { core } = this;
    if (!core.tableMayFit || core.state !== 'active') return;
    core.tableMayFit = false;
    for (const node of core.table.entries()) {
      if (node.state !== 'live' || node.inLeafSet || core.leafSet.isBeyond(node.nodeId)) continue;
      if (!core.leafSet.wouldEnter(node.nodeId, core.candidates, 'neither')) continue;
      // One will do: who is not named by those around it is more likely dead.
      this.liveness.probe(node, true, [core.parameters.checkTimeoutMs]);
    }
  }

  /** For the table only: while joining, whoever comes first would enter an empty leaf set. */
  considerForTable(contact: Contact): boolean {
    if (this.isStale(contact) || !this.hasRoom(contact.nodeId)) return false;
    this.probeNew(contact, false, 'neither');
    return true;
  }

  /** Probes a node although its slot is taken, to see whether it is nearer. */
  considerNearer(contact: Contact): boolean {
    const { core } = this;
    if (this.isStale(contact)) return false;
    this.liveness.check(core.learn(contact));
    return true;
  }

  /** For a slot that lacks a live holder: the next lookup that needs it tries this one. */
  putOnTrial(contact: Contact): void {
    const { core } = this;
    if (this.isStale(contact) || !core.table.lacks(contact.nodeId)) return;
    core.table.putOnTrial(core.learn(contact));
  }

  /** A neighbour that wrote to us and then kept silent was busy rather than dead: machines that start are. */
  tryAgain(contact: Contact): void {
    const { core } = this;
    core.deadlines.set(core.now + core.jittered(core.parameters.checkTimeoutMs), () => {
      this.consider(contact, 'neither', true);
    });
  }

  /** One probe for a remembered node; false when there is none whose turn it is. */
  reprobe(): boolean {
    const { core } = this;
    const contact = this.remembered.next((id) => core.leafSet.wouldEnter(id, core.candidates, 'neither'));
    if (contact === undefined || core.known.has(contact.nodeId)) return false;
    // Not counted as a leaf to be: it will hardly answer, and must keep nobody out meanwhile.
    const node = core.learn(contact);
    this.liveness.probe(node, true, [core.parameters.checkTimeoutMs]);
    return true;
  }

  /** Whether a half is short, and its last member (who may still be on probation) among those told of: then one told of may follow it. */
  private knowsEnd(side: Half, contacts: readonly Contact[], teller: NodeId | undefined, inPlaceOfSuspected: boolean) {
    const { core } = this;
    let end = core.leafSet.openEnd(side, inPlaceOfSuspected);
    if (end === undefined) return false;
    for (const node of core.candidates) {
      if (node.follows === side && core.leafSet.isFartherOut(side, node.nodeId, end)) end = node.nodeId;
    }
    return end === core.self || end === teller || contacts.some(({ nodeId }) => nodeId === end);
  }

  /** A table entry that turns out to be a neighbour becomes one, and must learn it; a candidate is probed as one. */
  private considerKnown(node: KnownNode, follows: Side): boolean {
    const { core } = this;
    if (node.inLeafSet || node.forLeafSet || (node.state === 'suspected' && node.probe !== undefined)) return false;
    if (!core.leafSet.wouldEnter(node.nodeId, core.candidates, follows)) return false;
    node.follows = follows;
    if (node.state === 'candidate') node.forLeafSet = true;
    else if (node.state === 'live') this.placement.insertLeaf(node);
    this.liveness.probe(node, true);
    return true;
  }

  private isStale(contact: Contact): boolean {
    const { core } = this;
    return contact.nodeId === core.self || core.known.has(contact.nodeId) || this.remembered.disbelieves(contact);
  }

  private probeNew(contact: Contact, forLeafSet: boolean, follows: Side): void {
    const node = this.core.learn(contact);
    node.forLeafSet = forLeafSet;
    node.follows = follows;
    this.liveness.probe(node, forLeafSet, this.core.parameters.hearsayTimeoutsMs);
  }

  /** An empty slot that no candidate is about to fill. */
  private hasRoom(id: NodeId): boolean {
    const { core } = this;
    if (!core.table.hasRoomFor(id)) return false;
    const row = core.geometry.row(core.self, id);
    const column = core.geometry.column(row, id);
    for (const candidate of core.candidates) {
      if (candidate.probe === undefined || core.geometry.row(core.self, candidate.nodeId) !== row) continue;
      if (core.geometry.column(row, candidate.nodeId) === column) return false;
    }
    return true;
  }
}
