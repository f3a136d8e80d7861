/**
 * One routing step (Pastry, figure 3): the leaf set if the key lies within it, else the table slot that gains a
 * digit, or whoever is on trial for it, else (the rare case) the closest known node that loses none and is nearer.
 * Every step therefore makes progress. Suspected nodes are passed over; whether "self" may then deliver is for the
 * caller to judge.
 */

import type { Key, NodeId } from '../id/id-space.ts';
import type { HopKind } from './events.ts';
import type { Geometry } from './geometry.ts';
import type { KnownNode } from './known-node.ts';
import type { LeafSet } from './leaf-set.ts';
import type { RoutingTable } from './routing-table.ts';

export type RoutingView = {
  readonly self: NodeId;
  readonly geometry: Geometry;
  readonly leafSet: LeafSet;
  readonly table: RoutingTable;
};

export type NextHop = { readonly to: KnownNode; readonly how: HopKind };

/** The next hop, or undefined for "self". `except` is never chosen: a joiner looks for others than itself. */
export function nextHop(view: RoutingView, key: Key, except?: NodeId): NextHop | undefined {
  const { self, geometry, leafSet, table } = view;
  if (key === self) return undefined;
  if (leafSet.covers(key)) {
    const to = closestUsable(view, key, leafSet.members(), except);
    return to === undefined ? undefined : { to, how: 'leaf' };
  }
  const row = geometry.row(self, key);
  const column = geometry.column(row, key);
  const entry = table.get(row, column);
  if (entry?.state === 'live' && entry.nodeId !== except) return { to: entry, how: 'table' };
  const onTrial = table.trial(row, column);
  if (onTrial?.state === 'candidate' && onTrial.nodeId !== except) return { to: onTrial, how: 'table' };
  const to = rareCase(view, key, except);
  return to === undefined ? undefined : { to, how: 'rare' };
}

/** The closest usable one that is closer than self; undefined when self is. */
function closestUsable(
  view: RoutingView,
  key: Key,
  nodes: Iterable<KnownNode>,
  except: NodeId | undefined,
): KnownNode | undefined {
  let best: KnownNode | undefined;
  let bestId = view.self;
  for (const node of nodes) {
    if (node.state !== 'live' || node.nodeId === except) continue;
    if (view.geometry.compare(key, node.nodeId, bestId) < 0) {
      best = node;
      bestId = node.nodeId;
    }
  }
  return best;
}

function rareCase(view: RoutingView, key: Key, except: NodeId | undefined): KnownNode | undefined {
  const { self, geometry, leafSet, table } = view;
  let best: KnownNode | undefined;
  const consider = (node: KnownNode): void => {
    if (node.state !== 'live' || node.nodeId === except) return;
    if (best !== undefined && geometry.compare(key, node.nodeId, best.nodeId) >= 0) return;
    if (geometry.progresses(self, node.nodeId, key)) best = node;
  };
  for (const node of leafSet.members()) consider(node);
  for (const node of table.entries(geometry.row(self, key))) consider(node);
  return best;
}
