/**
 * A half of the leaf set that was lost as a whole: as many in a row have died as it holds, or the network was parted.
 * It begins anew from the routing table. Those entries that are nearest on that side are asked for their leaf sets;
 * whoever answers stands in the half, whoever it knows nearer by is probed, and so on inwards, until the innermost
 * member knows nobody between itself and this node. Before that, any number may stand between, and nothing is claimed.
 */

import type { Contact } from '../id/contact.ts';
import type { Core } from './core.ts';
import type { KnownNode } from './known-node.ts';
import type { Remembered } from './remembered.ts';
import type { Half } from './side.ts';

/** Entries asked side by side: some may have died with the half. */
const ASKED_AT_ONCE = 4;

export class LostHalf {
  private readonly core: Core;
  private readonly remembered: Remembered;
  private readonly ask: (node: KnownNode) => void;
  private side: Half | undefined = undefined;

  /** @param ask swaps leaf sets with a node */
  constructor(core: Core, remembered: Remembered, ask: (node: KnownNode) => void) {
    this.core = core;
    this.remembered = remembered;
    this.ask = ask;
  }

  get pending(): boolean {
    return this.side !== undefined;
  }

  /** Begins with the innermost member, or, if there is none, with the table. False when that knows nobody either. */
  begin(side: Half): boolean {
    const innermost = this.core.leafSet[side][0];
    const guides = innermost === undefined ? this.nearestInTable(side) : [innermost];
    this.side = guides.length === 0 ? undefined : side;
    for (const guide of guides) this.ask(guide);
    return this.pending;
  }

  /** Nobody is being asked any more: the next ones are. */
  goOn(): void {
    if (this.side !== undefined) this.begin(this.side);
  }

  /** A node has told its leaf set, and those of it that would enter ours are being probed. */
  exchanged(node: KnownNode, contacts: readonly Contact[]): void {
    const { core, side } = this;
    if (side === undefined || node.state !== 'live') return;
    const half = core.leafSet[side];
    const isInnermost = half[0] === undefined || core.leafSet.isFartherOut(side, half[0].nodeId, node.nodeId);
    if (isInnermost) core.leafSet.insert(node, side);
    if (half[0] !== node) return;
    const isBetween = (contact: Contact): boolean =>
      contact.nodeId !== core.self &&
      core.leafSet.isFartherOut(side, node.nodeId, contact.nodeId) &&
      !this.remembered.disbelieves(contact);
    if (!contacts.some(isBetween)) this.side = undefined;
  }

  private nearestInTable(side: Half): readonly KnownNode[] {
    const live = this.core.table.entries().filter((node) => node.state === 'live');
    live.sort((a, b) => (this.core.leafSet.isFartherOut(side, a.nodeId, b.nodeId) ? 1 : -1));
    return live.slice(0, ASKED_AT_ONCE);
  }
}
