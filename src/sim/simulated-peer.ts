/**
 * What a simulation keeps of each machine, and what it says of each lookup. Plain data: the simulation moves it,
 * tests and statistics read it.
 */

import type { Contact } from '../id/contact.ts';
import type { Key, NodeId } from '../id/id-space.ts';
import type { LookupFailure, OverlayEffect } from '../overlay/events.ts';
import type { OverlayNode } from '../overlay/overlay-node.ts';
import type { Place } from './network-model.ts';

/** A simulated machine: the node that runs on it now, and where it stands. */
export type SimulatedPeer = {
  readonly contact: Contact;
  readonly place: Place;
  node: OverlayNode;
  isUp: boolean;
  /** Until then it is stopped as by SIGSTOP: what comes in waits. */
  pausedUntil: number;
  /** When the earliest tick that is planned for it is due. */
  tickAt: number;
};

export type LookupOutcome = {
  readonly key: Key;
  readonly entry: NodeId;
  /** undefined: failed. */
  readonly root: NodeId | undefined;
  readonly path: readonly NodeId[];
  readonly tookMs: number;
  readonly effect: Extract<OverlayEffect, { type: 'found' }> | undefined;
  /** Why it failed, if it did; `killed` when the entry's machine was. */
  readonly failure: LookupFailure | 'killed' | undefined;
};
