/**
 * What keeping the ring up costs: messages that are neither a lookup, nor its answer, nor an acknowledgement of
 * either, per live node and second. Joins, probes, heartbeats, exchanged leaf sets and rows, and the acknowledgements
 * of those, all count; so a figure here can be held against MSPastry's 0.245 messages per second and node.
 */

import type { Population } from './population.ts';
import type { Simulation } from './simulation.ts';

export type TrafficPoint = {
  /** Virtual time since the beginning of the run. */
  readonly atSeconds: number;
  readonly phase: string;
  readonly perNodeSecond: number;
};

/** A moment to count from. */
export type TrafficMark = { readonly messages: number; readonly nodeSeconds: number };

export class ControlTraffic {
  private readonly simulation: Simulation;
  private readonly population: Population;
  private nodeSeconds = 0;
  private last = { atMs: 0, messages: 0 };
  private readonly points: TrafficPoint[] = [];

  constructor(simulation: Simulation, population: Population) {
    this.simulation = simulation;
    this.population = population;
  }

  /** One point for each sample. */
  get series(): readonly TrafficPoint[] {
    return this.points;
  }

  /** To be called at the end of each slice of virtual time within which the population hardly changes. */
  sample(phase: string): void {
    const { now } = this.simulation;
    const messages = this.messages();
    const nodeSeconds = (this.population.size * (now - this.last.atMs)) / 1_000;
    if (nodeSeconds > 0) {
      this.nodeSeconds += nodeSeconds;
      const perNodeSecond = (messages - this.last.messages) / nodeSeconds;
      this.points.push({ atSeconds: now / 1_000, phase, perNodeSecond });
    }
    this.last = { atMs: now, messages };
  }

  mark(): TrafficMark {
    return { messages: this.messages(), nodeSeconds: this.nodeSeconds };
  }

  messagesSince(mark: TrafficMark): number {
    return this.messages() - mark.messages;
  }

  /** Null when no time has passed. */
  perNodeSecondSince(mark: TrafficMark): number | null {
    const nodeSeconds = this.nodeSeconds - mark.nodeSeconds;
    return nodeSeconds === 0 ? null : this.messagesSince(mark) / nodeSeconds;
  }

  private messages(): number {
    let messages = -this.simulation.lookupAcks;
    for (const [type, count] of this.simulation.sent) if (type !== 'lookup' && type !== 'found') messages += count;
    return messages;
  }
}
