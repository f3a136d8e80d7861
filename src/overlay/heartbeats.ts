/**
 * Signs of life between immediate neighbours: every node writes to its counterclockwise neighbour at a period,
 * unless it has written anyway, and watches its clockwise one. So each node is watched by one, for one message
 * per period. Silence proves nothing: it only starts probes.
 */

import type { Core } from './core.ts';
import type { KnownNode } from './known-node.ts';
import type { Liveness } from './liveness.ts';

export class Heartbeats {
  private readonly core: Core;
  private readonly liveness: Liveness;

  constructor(core: Core, liveness: Liveness) {
    this.core = core;
    this.liveness = liveness;
  }

  start(): void {
    const { core } = this;
    core.deadlines.set(core.now + core.parameters.heartbeatMs * core.random(), () => {
      this.beat();
    });
    this.watchLater(core.now + core.parameters.silenceMs);
  }

  /** To those who do not know yet that this node has joined. */
  announce(): void {
    for (const node of this.core.leafSet.members()) if (!node.active) this.sendTo(node);
    const neighbour = this.core.leafSet.counterclockwise[0];
    if (neighbour?.active === true) this.sendTo(neighbour);
  }

  private sendTo(node: KnownNode): void {
    this.core.send(node, { type: 'heartbeat', active: this.core.state === 'active' });
  }

  private beat(): void {
    const { core } = this;
    const { heartbeatMs, jitter } = core.parameters;
    const neighbour = core.leafSet.counterclockwise[0];
    let from = core.now;
    // Whatever was written lately is as good a sign.
    if (neighbour !== undefined && core.now - neighbour.sentAt < heartbeatMs * (1 - jitter)) from = neighbour.sentAt;
    else if (neighbour !== undefined) this.sendTo(neighbour);
    core.deadlines.set(Math.max(from + core.jittered(heartbeatMs), core.now + 1), () => {
      this.beat();
    });
  }

  private watchLater(at: number): void {
    this.core.deadlines.set(at, () => {
      this.watch();
    });
  }

  private watch(): void {
    const { core } = this;
    const { silenceMs } = core.parameters;
    const neighbour = core.leafSet.clockwise[0];
    if (neighbour === undefined) {
      this.watchLater(core.now + silenceMs);
      return;
    }
    const silentFrom = Math.max(neighbour.heardAt, core.wokeAt);
    if (core.now - silentFrom < silenceMs) {
      // Never in this very millisecond, which rounding might make of it: the step would not end.
      this.watchLater(Math.max(silentFrom + silenceMs, core.now + 1));
      return;
    }
    // With the leaf set, because a neighbour that does not write may not know that it is one.
    this.liveness.probe(neighbour, true);
    this.watchLater(core.now + silenceMs);
  }

  /** The clockwise neighbour may be another since the last look. One not heard for long is probed at once. */
  neighboursChanged(): void {
    const { core } = this;
    const neighbour = core.leafSet.clockwise[0];
    if (neighbour?.state !== 'live') return;
    if (core.now - Math.max(neighbour.heardAt, core.wokeAt) >= core.parameters.silenceMs) {
      this.liveness.probe(neighbour, true);
    }
  }
}
