/**
 * A half of the leaf set, or both, lost as a whole: as many in a row have died as it holds, or the network was parted.
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

export class LostHalves {
  private readonly core: Core;
  private readonly remembered: Remembered;
  private readonly ask: (node: KnownNode) => void;
  private readonly sides = new Set<Half>();

  /** @param ask swaps leaf sets with a node */
  constructor(core: Core, remembered: Remembered, ask: (node: KnownNode) => void) {
    this.core = core;
    this.remembered = remembered;
    this.ask = ask;
  }

  get pending(): boolean {
    return this.sides.size > 0;
  }

  /** Begins with the innermost member, or, if there is none, with the table. False when that knows nobody either. */
  begin(side: Half): boolean {
    const innermost = this.core.leafSet[side][0];
    const guides = innermost === undefined ? this.nearestInTable(side) : [innermost];
    if (guides.length === 0) this.sides.delete(side);
    else this.sides.add(side);
    for (const guide of guides) this.ask(guide);
    return guides.length > 0;
  }

  /** Nobody is being asked any more: the next ones are. */
  goOn(): void {
    for (const side of this.sides) this.begin(side);
  }

  /** A node has told its leaf set, and those of it that would enter ours are being probed. */
  exchanged(node: KnownNode, contacts: readonly Contact[]): void {
    if (node.state === 'live') for (const side of this.sides) this.goInwards(side, node, contacts);
  }

  private goInwards(side: Half, node: KnownNode, contacts: readonly Contact[]): void {
    const { leafSet, known, self } = this.core;
    const half = leafSet[side];
    if (half[0] === undefined || leafSet.isFartherOut(side, half[0].nodeId, node.nodeId)) leafSet.insert(node, side);
    if (half[0] !== node) return;
    const between = contacts.filter(
      (contact) =>
        contact.nodeId !== self &&
        leafSet.isFartherOut(side, node.nodeId, contact.nodeId) &&
        !this.remembered.disbelieves(contact),
    );
    if (between.length === 0) this.sides.delete(side);
    // The ring has become so small that a member of the other half, whom nobody else would probe, stands in this one, too.
    for (const { nodeId } of between) {
      const member = known.get(nodeId);
      if (member?.inLeafSet === true) this.ask(member);
    }
  }

  private nearestInTable(side: Half): readonly KnownNode[] {
    const live = this.core.table.entries().filter((node) => node.state === 'live');
    live.sort((a, b) => (this.core.leafSet.isFartherOut(side, a.nodeId, b.nodeId) ? 1 : -1));
    return live.slice(0, ASKED_AT_ONCE);
  }
}
