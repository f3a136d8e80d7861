/**
 * What a scenario may expect of a ring. Each expectation gives its complaints; with `within`, time passes until
 * there are none, and those that are left when it is over end the scenario.
 */

import type { IdSpace } from '../../src/id/id-space.ts';
import { type Key, type NodeId } from '../../src/id/id-space.ts';
import { Oracle } from '../../src/sim/oracle.ts';
import type { SimulatedPeer } from '../../src/sim/simulated-peer.ts';
import type { ScenarioLine } from './scenario-line.ts';
import { sendingOf, type Watch, type WatchedLookup } from './watch.ts';

type Complaints = () => string[];

export class Expectations {
  readonly watch: Watch;
  private readonly space: IdSpace;

  constructor(watch: Watch) {
    this.watch = watch;
    this.space = watch.simulation.space;
  }

  check(line: ScenarioLine): void {
    for (const [phrase, read] of this.phrases) {
      if (!line.takes(phrase)) continue;
      const complaints = read(line);
      const limitMs = line.within();
      this.watch.simulation.runUntil(() => complaints().length === 0, limitMs);
      const left = complaints();
      if (left.length > 0) line.fail(left.join('\n  '));
      return;
    }
    line.fail('there is no such expectation');
  }

  private readonly phrases: readonly (readonly [string, (line: ScenarioLine) => Complaints])[] = [
    ['one ring', () => () => this.ringComplaints(this.live().map((peer) => peer.contact.nodeId))],
    ['ring', (line) => this.ring(line)],
    ['joined', (line) => this.state(line, 'active')],
    ['joining', (line) => this.state(line, 'joining')],
    ['leaf set', (line) => this.leafSet(line)],
    ['root', (line) => this.root(line)],
    ['every key at its root', () => this.everyKey()],
    ['answer', (line) => this.answer(line)],
    ['all answered', () => () => this.stillOpen()],
    ['unanswered', (line) => this.unanswered(line)],
    ['held', (line) => this.held(line)],
    ['copies dropped', () => () => (this.watch.copiesDropped > 0 ? [] : ['no copy was dropped'])],
    ['no wrong delivery', () => () => this.wrongDeliveries()],
    ['nobody given up', () => () => this.givenUp([])],
    ['given up only', (line) => this.givenUpOnly(line)],
    ['present contact of', (line) => this.knows(line)],
    ['replicas', (line) => this.replicas(line)],
    ['at most', (line) => this.atMost(line)],
  ];

  private live(): SimulatedPeer[] {
    return this.watch.simulation.livePeers();
  }

  private peer(line: ScenarioLine, id: NodeId): SimulatedPeer {
    return this.watch.simulation.peers.get(id) ?? line.fail(`no machine has the id ${this.space.format(id)}`);
  }

  private names(ids: Iterable<NodeId>): string {
    return Array.from(ids, (id) => this.space.format(id)).join(' ') || 'nobody';
  }

  private leaves(peer: SimulatedPeer): NodeId[] {
    return peer.node
      .leafSet()
      .map((contact) => contact.nodeId)
      .sort((a, b) => a - b);
  }

  /** These nodes, and no others, are one ring among themselves. */
  private ringComplaints(ids: readonly NodeId[]): string[] {
    const { peers, parameters } = this.watch.simulation;
    const oracle = new Oracle(this.space);
    for (const id of ids) oracle.add(id);
    return ids.flatMap((id) => {
      const peer = peers.get(id);
      if (peer?.isUp !== true || peer.node.state !== 'active') return [`${this.names([id])} is not active`];
      const seen = this.names(this.leaves(peer));
      const truth = this.names(oracle.leafSet(id, parameters.leafSetHalf));
      return seen === truth ? [] : [`leaf set of ${this.names([id])} is ${seen}, not ${truth}`];
    });
  }

  /** `expect ring 0000 4000 within 20s`. */
  private ring(line: ScenarioLine): Complaints {
    const ids = line.ids(this.space);
    return () => this.ringComplaints(ids);
  }

  private state(line: ScenarioLine, state: string): Complaints {
    const peers = line.takes('all') ? this.live() : line.ids(this.space).map((id) => this.peer(line, id));
    return () =>
      peers
        .filter((peer) => peer.node.state !== state)
        .map((peer) => `${this.names([peer.contact.nodeId])} is ${peer.node.state}`);
  }

  /** `expect leaf set 0000 = 4000 c000`. */
  private leafSet(line: ScenarioLine): Complaints {
    const peer = this.peer(line, line.id(this.space));
    line.must('=');
    const wanted = this.names(line.ids(this.space).sort((a, b) => a - b));
    return () => {
      const seen = this.names(this.leaves(peer));
      return seen === wanted ? [] : [`it is ${seen}`];
    };
  }

  private entries(line: ScenarioLine): SimulatedPeer[] {
    if (line.takes('all')) return this.live().filter((peer) => peer.node.state === 'active');
    return line.ids(this.space).map((id) => this.peer(line, id));
  }

  private wrongRoots(lookups: readonly WatchedLookup[], root: NodeId): string[] {
    return lookups.flatMap(({ entry, outcome }) => {
      if (outcome === undefined) return [`asked at ${this.names([entry])}: no answer yet`];
      if (outcome.root === root) return [];
      const seen = outcome.root === undefined ? 'none' : this.names([outcome.root]);
      return [`asked at ${this.names([entry])}: ${seen}, not ${this.names([root])}`];
    });
  }

  /** `expect root 9abd = 9abc from all within 5s`: asks now. */
  private root(line: ScenarioLine): Complaints {
    const key = line.id(this.space);
    line.must('=');
    const root = line.id(this.space);
    line.must('from');
    const lookups = this.entries(line).map((peer) => this.watch.lookup(peer, key));
    return () => this.wrongRoots(lookups, root);
  }

  /** `expect answer 9abd = 9abc within 5s`: of the lookups that were begun for that key. */
  private answer(line: ScenarioLine): Complaints {
    const key = line.id(this.space);
    line.must('=');
    const root = line.id(this.space);
    const lookups = this.lookupsFor(line, key);
    return () => this.wrongRoots(lookups, root);
  }

  private unanswered(line: ScenarioLine): Complaints {
    const lookups = this.lookupsFor(line, line.id(this.space));
    return () =>
      lookups.flatMap(({ outcome }) =>
        outcome === undefined
          ? []
          : [`answered by ${outcome.root === undefined ? 'nobody' : this.names([outcome.root])}`],
      );
  }

  private lookupsFor(line: ScenarioLine, key: Key): WatchedLookup[] {
    const lookups = this.watch.lookups.filter((lookup) => lookup.key === key);
    return lookups.length > 0 ? lookups : line.fail('no lookup of that key was begun');
  }

  /** `expect every key at its root within 20s`: random keys from everywhere, judged by the oracle. */
  private everyKey(): Complaints {
    const { simulation } = this.watch;
    const lookups = this.live().flatMap((peer) => [0, 1, 2].map(() => this.watch.lookup(peer, simulation.randomKey())));
    return () =>
      lookups.flatMap((lookup) => {
        const root = simulation.oracle.root(lookup.key);
        return root === undefined ? ['there is nobody'] : this.wrongRoots([lookup], root);
      });
  }

  private held(line: ScenarioLine): Complaints {
    const key = line.id(this.space);
    return () => (this.watch.held.has(key) ? [] : ['nobody holds it']);
  }

  private wrongDeliveries(): string[] {
    const { wrongDeliveries } = this.watch.simulation;
    return wrongDeliveries === 0 ? [] : [`there were ${String(wrongDeliveries)}`];
  }

  /** Those whose entry was killed or stopped need no answer. */
  private stillOpen(): string[] {
    const failed = this.watch.lookups.filter(({ outcome }) => outcome === undefined || outcome.failure === 'timeout');
    return failed.length === 0 ? [] : [`${String(failed.length)} of ${String(this.watch.lookups.length)} were not`];
  }

  private givenUp(allowed: readonly NodeId[], by?: readonly NodeId[]): string[] {
    return this.watch.givenUp
      .filter((fact) => !allowed.includes(fact.whom) || by?.includes(fact.by) === false)
      .map(({ by, whom }) => `${this.names([by])} gave ${this.names([whom])} up`);
  }

  /** `expect given up only 8000`, `expect given up only 7000 8000 by 7000 8000`. */
  private givenUpOnly(line: ScenarioLine): Complaints {
    const allowed = line.ids(this.space);
    const by = line.takes('by') ? line.ids(this.space) : undefined;
    return () => this.givenUp(allowed, by);
  }

  /** `expect present contact of 8000 at its leaves`: everybody who has it as a leaf has the present contact. */
  private knows(line: ScenarioLine): Complaints {
    const peer = this.peer(line, line.id(this.space));
    line.must('at its leaves');
    return () =>
      this.live().flatMap(({ contact, node }) => {
        const seen = node.leafSet().find(({ nodeId }) => nodeId === peer.contact.nodeId);
        if (seen === undefined || seen === peer.contact) return [];
        return [`${this.names([contact.nodeId])} has ${seen.peerId} at ${seen.addrs.join(' ')}`];
      });
  }

  /** `expect replicas 9abd 3 at 8000 = 9abc 8000 c000`, or `= refused`. */
  private replicas(line: ScenarioLine): Complaints {
    const key = line.id(this.space);
    const k = line.number('a number of copies');
    line.must('at');
    const peer = this.peer(line, line.id(this.space));
    line.must('=');
    const wanted = line.takes('refused') ? 'refused' : this.names(line.ids(this.space));
    return () => {
      const set = peer.node.replicaSet(key, k);
      const seen = set === undefined ? 'refused' : this.names(set.map((contact) => contact.nodeId));
      return seen === wanted ? [] : [`they are ${seen}`];
    };
  }

  /** `expect at most 10 messages per node and second`: from the beginning, joins and all. A storm of repairs exceeds it. */
  private load(most: number): string[] {
    const { sent, peers, now } = this.watch.simulation;
    const total = [...sent.values()].reduce((sum, count) => sum + count, 0);
    const load = (1_000 * total) / (peers.size * now);
    return load <= most ? [] : [`there were ${load.toFixed(1)}`];
  }

  /** `expect at most 20 probe to 8000`, `expect at most 0 probe to 8000 from 7000 9000`. */
  private atMost(line: ScenarioLine): Complaints {
    const most = line.number('a number of messages');
    const type = line.word('a type of message');
    if (line.takes('per node and second')) return () => this.load(most);
    line.must('to');
    const id = line.id(this.space);
    const senders = line.takes('from') ? line.ids(this.space) : [...this.watch.simulation.peers.keys()];
    return () => {
      const counts = senders.map((from) => this.watch.sent.get(sendingOf(type, from, id)) ?? 0);
      const sent = counts.reduce((sum, count) => sum + count, 0);
      return sent <= most ? [] : [`there were ${String(sent)}`];
    };
  }
}
