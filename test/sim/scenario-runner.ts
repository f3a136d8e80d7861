/**
 * Replays a scenario file: what happens to a ring, line by line, and what must then be true. In the spirit of the
 * data-driven tests of etcd's raft: whoever knows the protocol can read and write one without knowing the code.
 * The language is described in scenarios/README.md; expectations are in scenario-expectations.ts.
 */

import { randomBelow } from '../../src/base/random.ts';
import type { Contact } from '../../src/id/contact.ts';
import type { Key, NodeId } from '../../src/id/id-space.ts';
import type { OverlayParameters } from '../../src/overlay/parameters.ts';
import type { NetworkOptions } from '../../src/sim/network-model.ts';
import type { SimulatedPeer } from '../../src/sim/simulated-peer.ts';
import { Simulation } from '../../src/sim/simulation.ts';
import { Cuts } from './cuts.ts';
import { Expectations } from './scenario-expectations.ts';
import { ScenarioError, ScenarioLine } from './scenario-line.ts';
import { anyOf } from './ring.ts';
import { Watch } from './watch.ts';

type Mutable<T> = { -readonly [K in keyof T]?: T[K] };

export type Scenario = {
  /** What it says: the comment that the file opens with, first line. */
  readonly title: string;
  /** It is run with each. */
  readonly seeds: readonly number[];
  readonly lines: readonly { readonly where: string; readonly text: string }[];
};

export function readScenario(file: string, text: string): Scenario {
  const all = text.split('\n').map((line, index) => ({ where: `${file}:${String(index + 1)}`, text: line.trim() }));
  const title = /^# (.+)/.exec(all[0]?.text ?? '')?.[1];
  if (title === undefined) throw new ScenarioError(`${file}:1: opens with a comment that says what it shows`);
  const lines = all.map(({ where, text: line }) => ({ where, text: line.replace(/\s*#.*/, '') })).filter((l) => l.text);
  const seeds: number[] = [];
  for (const { where, text: line } of lines) {
    const match = /^seeds (\d+)\.\.(\d+)$/.exec(line);
    if (match === null && /^seeds\b/.test(line)) throw new ScenarioError(`${where}: ${line}\n  "seeds 1..5" expected`);
    if (match !== null) for (let seed = Number(match[1]); seed <= Number(match[2]); seed++) seeds.push(seed);
  }
  return { title, seeds: seeds.length > 0 ? seeds : [1], lines: lines.filter((line) => !/^seeds\b/.test(line.text)) };
}

/** @throws ScenarioError with file and line of what is wrong or did not come true */
export function runScenario(scenario: Scenario, seed: number): Simulation {
  const runner = new ScenarioRunner(seed);
  for (const { where, text } of scenario.lines) {
    const line = new ScenarioLine(`${where} (seed ${String(seed)})`, text);
    runner.carryOut(line);
  }
  return runner.simulation;
}

class ScenarioRunner {
  private readonly seed: number;
  private readonly parameters: Mutable<OverlayParameters> = {};
  private readonly network: Mutable<NetworkOptions> = {};
  private refusals = false;
  private made: { simulation: Simulation; cuts: Cuts; expectations: Expectations } | undefined = undefined;

  constructor(seed: number) {
    this.seed = seed;
  }

  get simulation(): Simulation {
    return this.running().simulation;
  }

  carryOut(line: ScenarioLine): void {
    const verb = line.word('a command');
    const act = this.verbs.get(verb) ?? line.fail(`there is no command "${verb}"`);
    act(line);
    line.end();
  }

  private readonly verbs: ReadonlyMap<string, (line: ScenarioLine) => void> = new Map<
    string,
    (line: ScenarioLine) => void
  >([
    ['half', (line) => void (this.beforeStart(line).parameters.leafSetHalf = line.number('a number of leaves'))],
    ['bits', (line) => void (this.beforeStart(line).parameters.idBits = line.number('16 or 32') === 32 ? 32 : 16)],
    ['loss', (line) => void (this.beforeStart(line).network.loss = line.share())],
    ['duplication', (line) => void (this.beforeStart(line).network.duplication = line.share())],
    ['reordering', (line) => void (this.beforeStart(line).network.reordering = line.share())],
    ['refusals', (line) => void (this.beforeStart(line).refusals = true)],
    ['ring', (line) => this.ring(line)],
    ['first', (line) => this.simulation.start(this.added(line), [])],
    ['join', (line) => this.join(line)],
    ['return', (line) => this.comeBack(line)],
    ['replace', (line) => this.replace(line)],
    ['kill', (line) => this.each(line, (peer) => this.simulation.kill(peer))],
    ['stop', (line) => this.each(line, (peer) => this.simulation.stop(peer))],
    ['leave', (line) => this.each(line, (peer) => this.simulation.stop(peer, true))],
    ['pause', (line) => this.pause(line)],
    ['cut', (line) => this.cut(line)],
    ['heal', () => this.running().cuts.heal()],
    ['hint', (line) => this.hint(line)],
    ['refuse', (line) => this.refuse(line)],
    ['run', (line) => this.simulation.runFor(line.ms())],
    ['lookup', (line) => this.lookup(line)],
    ['lookups', (line) => this.lookups(line)],
    ['forget', () => this.running().expectations.watch.reset()],
    ['expect', (line) => this.running().expectations.check(line)],
  ]);

  private beforeStart(line: ScenarioLine): this {
    if (this.made !== undefined) line.fail('must stand before the ring');
    return this;
  }

  private running(): { simulation: Simulation; cuts: Cuts; expectations: Expectations } {
    if (this.made !== undefined) return this.made;
    const { seed, parameters, network, refusals } = this;
    const simulation = new Simulation({ seed, parameters, network, refusals });
    this.made = { simulation, cuts: new Cuts(simulation), expectations: new Expectations(new Watch(simulation)) };
    return this.made;
  }

  /** `ring 0000 4000 8000`, or `ring of 32` at equal distances: the first founds it, the others join one after another. */
  private ring(line: ScenarioLine): void {
    const { simulation } = this;
    const { space } = simulation;
    const size = line.takes('of') ? line.number('a number of nodes') : 0;
    const even = Array.from({ length: size }, (_, i) => space.position(Math.floor((i * space.size) / size)));
    const [first, ...others] = (size > 0 ? even : line.ids(space)).map((id) => simulation.addPeer(id));
    if (first === undefined) line.fail('a ring has a node');
    simulation.start(first, []);
    for (const peer of others) {
      simulation.start(peer, [first.contact]);
      if (!simulation.runUntil(() => peer.node.state === 'active', 60_000)) line.fail('the ring does not form');
    }
  }

  private added(line: ScenarioLine): SimulatedPeer {
    const id = line.id(this.simulation.space);
    if (this.simulation.peers.has(id)) line.fail('there is a machine with this id');
    return this.simulation.addPeer(id);
  }

  private peers(line: ScenarioLine): SimulatedPeer[] {
    const { simulation } = this;
    if (line.takes('all')) return simulation.livePeers();
    return line.ids(simulation.space).map((id) => simulation.peers.get(id) ?? line.fail('no machine has this id'));
  }

  private each(line: ScenarioLine, act: (peer: SimulatedPeer) => void): void {
    for (const peer of this.peers(line)) {
      if (!peer.isUp) line.fail(`${this.simulation.space.format(peer.contact.nodeId)} is not up`);
      act(peer);
    }
  }

  private contacts(line: ScenarioLine): Contact[] {
    return this.peers(line).map((peer) => peer.contact);
  }

  /** `join 9abc 9abd via 4000 8000`: at one moment, all through the same seeds. */
  private join(line: ScenarioLine): void {
    const { simulation } = this;
    const newcomers = line.ids(simulation.space).map((id) => {
      if (simulation.peers.has(id)) line.fail('there is a machine with this id; "return" or "replace" it');
      return simulation.addPeer(id);
    });
    line.must('via');
    const seeds = this.contacts(line);
    for (const peer of newcomers) simulation.start(peer, seeds);
  }

  /** `return 8000`, `return 8000 via 0000`, `return 8000 as moved`: with what each knew when it went, and what is told. */
  private comeBack(line: ScenarioLine): void {
    const { simulation } = this;
    const gone = line.takes('all') ? [...simulation.peers.values()].filter((peer) => !peer.isUp) : this.peers(line);
    const via = line.takes('via') ? this.contacts(line) : [];
    const moved = line.takes('moved');
    for (const peer of gone) {
      if (peer.isUp) line.fail('it is up');
      const seeds = [...peer.node.knownContacts(), ...via];
      const { contact } = peer;
      const back = moved ? this.adopt(peer, { ...contact, addrs: [`${contact.addrs[0] ?? ''}/moved`] }) : peer;
      simulation.start(back, seeds);
    }
  }

  /** `replace 8000 via 0000`: somebody else gets the id of one that is gone, by a later certificate. */
  private replace(line: ScenarioLine): void {
    const [old] = this.peers(line);
    if (old === undefined || old.isUp) line.fail('its holder is still up');
    line.must('via');
    const { contact } = old;
    const successor = { ...contact, peerId: `${contact.peerId}-successor`, serial: contact.serial + 1 };
    this.simulation.start(this.adopt(old, successor), this.contacts(line));
  }

  private adopt(old: SimulatedPeer, contact: Contact): SimulatedPeer {
    const peer = { ...old, contact };
    this.simulation.peers.delete(contact.nodeId);
    this.simulation.adopt(peer);
    return peer;
  }

  private pause(line: ScenarioLine): void {
    const peers = this.peers(line);
    const ms = line.ms();
    for (const peer of peers) this.simulation.pause(peer, ms);
  }

  /** `cut 0000 4000 | 8000 c000`; `cut 0000 > 8000` for one direction only; may be repeated until `heal`. */
  private cut(line: ScenarioLine): void {
    const { space } = this.simulation;
    const side = (): NodeId[] => line.ids(space);
    const from = side();
    const bothWays = line.takes('|');
    if (!bothWays) line.must('>');
    const to = line.takes('others') ? [...this.simulation.peers.keys()].filter((id) => !from.includes(id)) : side();
    this.running().cuts.cut(from, to);
    if (bothWays) this.running().cuts.cut(to, from);
  }

  /** `hint 8000 to 0000`: word of a node from outside, which need not exist. */
  private hint(line: ScenarioLine): void {
    const { simulation } = this;
    const contacts = line
      .ids(simulation.space)
      .map((id) => (simulation.peers.get(id) ?? simulation.addPeer(id)).contact);
    line.must('to');
    for (const peer of this.peers(line)) simulation.step(peer, { type: 'contacts', contacts });
  }

  /** `refuse 8000 to 7000 9000`: a connection of theirs to it closes, or none comes about. */
  private refuse(line: ScenarioLine): void {
    const [contact] = this.contacts(line);
    line.must('to');
    for (const peer of this.peers(line)) {
      if (contact !== undefined) this.simulation.step(peer, { type: 'unreachable', contact });
    }
  }

  private lookup(line: ScenarioLine): void {
    const key = line.id(this.simulation.space);
    line.must('from');
    for (const peer of this.peers(line)) this.running().expectations.watch.lookup(peer, key);
  }

  /** `lookups 200 over 5s`, `… near 4400`: random keys, anywhere or within 1/256 of the ring, at random active nodes, while time passes. */
  private lookups(line: ScenarioLine): void {
    const { simulation } = this;
    const count = line.number('a number of lookups');
    line.must('over');
    const spanMs = line.ms();
    const { space } = simulation;
    const middle = line.takes('near') ? line.id(space) : undefined;
    const reach = middle === undefined ? space.size / 2 : space.size / 256;
    const key = (): Key => {
      const offset = randomBelow(simulation.random, 2 * reach) - reach;
      return space.position(((middle ?? 0) + offset + space.size) % space.size);
    };
    for (let i = 0; i < count; i++) {
      simulation.at(simulation.now + (i * spanMs) / count, () => {
        const active = simulation.livePeers().filter((peer) => peer.node.state === 'active');
        this.running().expectations.watch.lookup(anyOf(simulation, active), key());
      });
    }
    simulation.runFor(spanMs);
  }
}
