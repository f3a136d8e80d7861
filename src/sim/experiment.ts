/**
 * One experiment on a ring of real overlay nodes: it grows by joins alone, settles, is disturbed, and looks up random
 * keys from random nodes. A generator, so that whoever drives it can show progress and stop between two slices of
 * virtual time; pure, so that a seed tells the whole run.
 */

import { assert } from '../base/assert.ts';
import { balancedId } from './balanced-id.ts';
import { Churn } from './churn.ts';
import { ControlTraffic, type TrafficMark, type TrafficPoint } from './control-traffic.ts';
import type { Cut, ExperimentOptions } from './experiment-options.ts';
import type { Figures } from './figures.ts';
import { LookupStatistics, LOST_AFTER_MS } from './lookup-statistics.ts';
import { bridged, EVERYBODY_REACHES_EVERYBODY, muted, parted } from './partition.ts';
import { Population } from './population.ts';
import type { SimulatedPeer } from './simulated-peer.ts';
import { Simulation } from './simulation.ts';

export type Progress = { readonly phase: string; readonly share: number };
export type ExperimentResult = { readonly figures: Figures; readonly traffic: readonly TrafficPoint[] };

type Steps<T = void> = Generator<Progress, T>;
type Window = {
  readonly statistics: LookupStatistics;
  readonly controlPerNodeSecond: number | null;
};

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Virtual time between two looks at the ring. */
const SLICE_MS = SECOND;
/** As many join side by side as are a tenth of the ring. */
const BATCH_SHARE = 0.1;
/** A batch that has not joined by then shows a defect. */
const BATCH_LIMIT_MS = 10 * MINUTE;
const JOIN_SLICE_MS = 100;
/** Of the machines, those that reach both halves of a network with a bridge. */
const BRIDGES_SHARE = 0.05;
/** A ring that is not one by then counts as never healed. */
const HEALING_LIMIT_SECONDS = 600;

export function* runExperiment(options: ExperimentOptions): Steps<ExperimentResult> {
  return yield* new Experiment(options).run();
}

class Experiment {
  private readonly options: ExperimentOptions;
  private readonly simulation: Simulation;
  private readonly population: Population;
  private readonly traffic: ControlTraffic;
  private joinMessages = 0;
  private readonly windows: LookupStatistics[] = [];

  constructor(options: ExperimentOptions) {
    this.options = options;
    this.simulation = new Simulation({
      seed: options.seed,
      parameters: { idBits: options.bits, leafSetHalf: options.leafSet / 2 },
      network: { loss: options.loss },
    });
    this.population = new Population(this.simulation);
    this.traffic = new ControlTraffic(this.simulation, this.population);
  }

  *run(): Steps<ExperimentResult> {
    const { options, simulation } = this;
    yield* this.grow();
    yield* this.pass('settling', options.settleMinutes * MINUTE);
    const { before, main, after, failures, healedAfterSeconds } = yield* this.disturb();
    const { statistics } = main;
    const sum = (count: (window: LookupStatistics) => number): number =>
      this.windows.reduce((total, window) => total + count(window), 0);
    const slots = this.population.all().reduce((total, peer) => total + peer.node.tableContacts().length, 0);
    const figures: Figures = {
      nodes: options.nodes,
      bits: options.bits,
      leafSet: options.leafSet,
      seed: options.seed,
      lookups: statistics.issued,
      meanHops: statistics.meanHops,
      hopShares: statistics.hopShares,
      maxHops: statistics.maxHops,
      tableSlotsMean: slots / this.population.size,
      rareCaseShare: statistics.rareCaseShare,
      routeStretch: statistics.routeStretch,
      joinMessagesMean: options.nodes === 1 ? null : this.joinMessages / (options.nodes - 1),
      controlMessagesPerNodeSecond: main.controlPerNodeSecond,
      wrongDeliveries: simulation.wrongDeliveries,
      lostLookups: sum((window) => window.lost),
      heldLookups: sum((window) => window.held),
      leafSetErrors: simulation.leafSetErrors().length,
      repairMessagesPerFailure: failures === 0 ? null : this.repairMessages([before, after], main) / failures,
      hopsBefore: before?.statistics.meanHops ?? null,
      hopsAfter: after?.statistics.meanHops ?? null,
      healedAfterSeconds,
      wrongRootLookups: options.disturbance.kind === 'churn' ? null : sum((window) => window.wrongRoots),
      abandonedLookups: sum((window) => window.abandoned),
    };
    return { figures, traffic: this.traffic.series };
  }

  /** By joins alone, a tenth of the ring's size at a time, each through a random node that has joined. */
  private *grow(): Steps {
    const { simulation, population, options } = this;
    this.add([]);
    while (population.size < options.nodes) {
      const room = options.nodes - population.size;
      const batch = Math.min(room, Math.max(1, Math.floor(population.size * BATCH_SHARE)));
      for (let i = 0; i < batch; i++) this.add([population.anyActive()]);
      const limit = simulation.now + BATCH_LIMIT_MS;
      while (simulation.oracle.size < population.size) {
        assert(simulation.now < limit, `a ring of ${String(population.size)} closes`);
        simulation.runFor(JOIN_SLICE_MS);
        yield { phase: 'growing', share: simulation.oracle.size / options.nodes };
      }
      this.traffic.sample('growing');
    }
    for (const [type, count] of simulation.sent) if (type !== 'ack' && type !== 'heartbeat') this.joinMessages += count;
  }

  private add(seeds: readonly SimulatedPeer[]): void {
    const { simulation, population, options } = this;
    const id = options.ids === 'balanced' ? balancedId(simulation.space, population.size) : undefined;
    const peer = simulation.addPeer(id);
    simulation.start(
      peer,
      seeds.map((seed) => seed.contact),
    );
    population.add(peer);
  }

  private cut(cut: Cut): void {
    const { simulation } = this;
    const some = (share: number) => new Set(this.population.all().filter(() => simulation.random() < share));
    const side = some(0.5);
    if (cut === 'bridge') simulation.reaches = bridged(side, some(BRIDGES_SHARE));
    else simulation.reaches = cut === 'one-way' ? muted(side) : parted(side);
  }

  private *disturb(): Steps<{
    before?: Window;
    main: Window;
    after?: Window;
    failures: number;
    healedAfterSeconds: number | null;
  }> {
    const { simulation, population, options } = this;
    const { disturbance } = options;
    let failures = 0;
    let healedAfterSeconds: number | null = null;
    switch (disturbance.kind) {
      case 'fail': {
        const before = yield* this.measure('before the failures');
        failures = this.killShare(disturbance.share);
        const main = yield* this.measure('repairing');
        const after = yield* this.measure('after the repair');
        return { before, main, after, failures, healedAfterSeconds };
      }
      case 'churn': {
        const churn = new Churn(simulation, population, disturbance.sessionMedianSeconds * SECOND);
        churn.start();
        const main = yield* this.measure('churn', () => {
          churn.stop();
        });
        // Who came last has its time to join, so that the ring is judged and not the moment.
        yield* this.pass('calm', LOST_AFTER_MS);
        return { main, failures, healedAfterSeconds };
      }
      case 'partition':
        this.cut(disturbance.cut);
        yield* this.pass('parted', disturbance.seconds * SECOND);
        simulation.reaches = EVERYBODY_REACHES_EVERYBODY;
        healedAfterSeconds = yield* this.heal();
        break;
      case 'join': {
        const seeds = Array.from({ length: disturbance.joiners }, () => population.anyActive());
        for (const seed of seeds) this.add([seed]);
        healedAfterSeconds = yield* this.heal();
        break;
      }
      case 'restart':
        this.restart();
        healedAfterSeconds = yield* this.heal();
        break;
      case 'none':
        break;
    }
    return { main: yield* this.measure('measuring'), failures, healedAfterSeconds };
  }

  /** What was sent beyond what as many nodes send in as much quiet time: before the deaths or after the repair, whichever is less. */
  private repairMessages(quiet: readonly (Window | undefined)[], main: Window): number {
    const least = Math.min(...quiet.map((window) => window?.controlPerNodeSecond ?? NaN));
    const more = (main.controlPerNodeSecond ?? NaN) - least;
    return (more * this.population.size * this.options.minutes * MINUTE) / SECOND;
  }

  private killShare(share: number): number {
    const failures = Math.floor(this.population.size * share);
    for (let i = 0; i < failures; i++) {
      const victim = this.population.any();
      this.population.remove(victim);
      this.simulation.kill(victim);
    }
    return failures;
  }

  private restart(): void {
    const { simulation } = this;
    const remembered = this.population.all().map((peer) => [peer, peer.node.knownContacts()] as const);
    for (const [peer] of remembered) simulation.kill(peer);
    for (const [peer, contacts] of remembered) simulation.start(peer, contacts);
  }

  /** Virtual seconds until every leaf set is the true one; null when the limit is reached first. */
  private *heal(): Steps<number | null> {
    for (let seconds = 0; seconds <= HEALING_LIMIT_SECONDS; seconds++) {
      if (this.simulation.leafSetErrors().length === 0) return seconds;
      yield* this.pass('healing', SECOND);
    }
    return null;
  }

  /** All the lookups, evenly over the time given; then waits until each has ended or is lost. */
  private *measure(phase: string, atEnd: () => void = () => undefined): Steps<Window> {
    const { simulation, population, traffic, options } = this;
    const statistics = new LookupStatistics(simulation);
    statistics.listen();
    this.windows.push(statistics);
    const startedAt = simulation.now;
    const spanMs = options.minutes * MINUTE;
    // One plans the next: three million planned at once would be three million objects.
    const next = (): void => {
      if (statistics.issued === options.lookups) return;
      statistics.lookUp(population.anyActive());
      simulation.at(startedAt + (statistics.issued * spanMs) / options.lookups, next);
    };
    const mark: TrafficMark = traffic.mark();
    if (options.lookups > 0) simulation.at(startedAt, next);
    yield* this.pass(phase, spanMs);
    const controlPerNodeSecond = traffic.perNodeSecondSince(mark);
    atEnd();
    const limit = simulation.now + LOST_AFTER_MS;
    while (statistics.open > 0 && simulation.now < limit) yield* this.pass(phase, SLICE_MS);
    return { statistics, controlPerNodeSecond };
  }

  private *pass(phase: string, ms: number): Steps {
    const { simulation } = this;
    const startedAt = simulation.now;
    const end = startedAt + ms;
    while (simulation.now < end) {
      simulation.runFor(Math.min(SLICE_MS, end - simulation.now));
      this.traffic.sample(phase);
      yield { phase, share: (simulation.now - startedAt) / ms };
    }
  }
}
