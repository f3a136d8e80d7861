/**
 * Many overlay nodes in one process under virtual time. It drives the very `OverlayNode` that real peers run, and
 * does for it what a driver does: carries messages, ticks at deadlines, says what could not be delivered. All
 * chance comes from one seed. Nodes learn nothing except from messages; statistics and judgement stay outside.
 */

import { assert, defined } from '../base/assert.ts';
import { randomBelow, seededRandom, type Random } from '../base/random.ts';
import type { Contact } from '../id/contact.ts';
import { IdSpace, type Key, type NodeId } from '../id/id-space.ts';
import type { OverlayEffect, OverlayEvent, OverlayFact } from '../overlay/events.ts';
import type { OverlayMessage } from '../overlay/messages.ts';
import { OverlayNode } from '../overlay/overlay-node.ts';
import { DEFAULT_OVERLAY_PARAMETERS, type OverlayParameters } from '../overlay/parameters.ts';
import { EventHeap } from './event-heap.ts';
import { DEFAULT_NETWORK_OPTIONS, NetworkModel, type NetworkOptions } from './network-model.ts';
import { Oracle } from './oracle.ts';
import { PendingLookups } from './pending-lookups.ts';
import type { LookupOutcome, SimulatedPeer } from './simulated-peer.ts';

export type SimulationOptions = {
  readonly seed: number;
  readonly parameters?: Partial<OverlayParameters>;
  readonly network?: Partial<NetworkOptions>;
  /** Whether a message to a dead node is reported to its sender, as a refused dial would be. */
  readonly refusals?: boolean;
};

type Planned =
  | { readonly type: 'message'; readonly to: SimulatedPeer; readonly from: Contact; readonly message: OverlayMessage }
  | { readonly type: 'refused'; readonly to: SimulatedPeer; readonly contact: Contact }
  | { readonly type: 'tick'; readonly to: SimulatedPeer; readonly at: number }
  | { readonly type: 'action'; readonly run: () => void };

const NO_CERTIFICATE = new Uint8Array(0);

export class Simulation {
  readonly parameters: OverlayParameters;
  readonly space: IdSpace;
  readonly oracle: Oracle;
  readonly random: Random;
  readonly peers = new Map<NodeId, SimulatedPeer>();
  /** Messages sent, by type. */
  readonly sent = new Map<OverlayMessage['type'], number>();
  /** How many of the acknowledgements sent were for lookups and their answers. */
  lookupAcks = 0;
  /** Lookups delivered at a node that was not the closest live one at that moment. */
  wrongDeliveries = 0;
  now = 0;
  /** Whether the network carries messages from one machine to another at all: set it to part the network. */
  reaches: (from: SimulatedPeer, to: SimulatedPeer) => boolean = () => true;
  onFact: ((peer: SimulatedPeer, fact: OverlayFact) => void) | undefined = undefined;
  onSend: ((from: SimulatedPeer, to: Contact, message: OverlayMessage) => void) | undefined = undefined;
  private readonly heap = new EventHeap<Planned>();
  private readonly network: NetworkModel;
  private readonly refusals: boolean;
  private readonly lookups = new PendingLookups();
  private readonly retired = new Set<NodeId>();
  /** Id of the lookup or answer that is being handled: an acknowledgement with it is the one for it. */
  private handling: number | undefined = undefined;

  constructor(options: SimulationOptions) {
    this.parameters = { ...DEFAULT_OVERLAY_PARAMETERS, ...options.parameters };
    this.space = new IdSpace(this.parameters.idBits);
    this.oracle = new Oracle(this.space);
    this.random = seededRandom(options.seed);
    this.network = new NetworkModel(
      { ...DEFAULT_NETWORK_OPTIONS, ...options.network },
      seededRandom(options.seed ^ 0x5bd1e995),
    );
    this.refusals = options.refusals ?? false;
  }

  /** A new machine with an id that nobody has; random unless given. Its node is idle. */
  addPeer(id: NodeId = this.freeId()): SimulatedPeer {
    assert(!this.peers.has(id), 'one machine per id');
    const name = this.space.format(id);
    const contact: Contact = {
      nodeId: id,
      peerId: `peer-${name}`,
      serial: 1,
      addrs: [`/sim/${name}`],
      certificate: NO_CERTIFICATE,
    };
    const peer: SimulatedPeer = {
      contact,
      place: this.network.place(),
      node: this.newNode(contact),
      isUp: false,
      pausedUntil: 0,
      tickAt: Infinity,
    };
    this.peers.set(id, peer);
    return peer;
  }

  /** Puts a machine made elsewhere in place, with a node of its own: the same id with other addresses, say. */
  adopt(peer: SimulatedPeer): void {
    assert(!this.peers.has(peer.contact.nodeId), 'one machine per id');
    peer.node = this.newNode(peer.contact);
    this.peers.set(peer.contact.nodeId, peer);
  }

  start(peer: SimulatedPeer, seeds: readonly Contact[], alone = false): void {
    assert(!peer.isUp, 'a running peer is not started');
    if (peer.node.state !== 'idle') peer.node = this.newNode(peer.contact);
    peer.isUp = true;
    this.step(peer, { type: 'start', seeds, alone });
  }

  /** Without a word, as by SIGKILL. Its own lookups end with it. */
  kill(peer: SimulatedPeer): void {
    peer.isUp = false;
    peer.tickAt = Infinity;
    this.oracle.remove(peer.contact.nodeId);
    this.lookups.killedAt(peer.contact.nodeId, this.now);
  }

  /** Kills a machine that never comes back; nothing is kept of it but its id, which nobody gets again. */
  retire(peer: SimulatedPeer): void {
    this.kill(peer);
    this.peers.delete(peer.contact.nodeId);
    this.retired.add(peer.contact.nodeId);
  }

  stop(peer: SimulatedPeer, forGood = false): void {
    this.oracle.remove(peer.contact.nodeId);
    this.step(peer, { type: forGood ? 'leave' : 'stop' });
    this.kill(peer);
  }

  pause(peer: SimulatedPeer, ms: number): void {
    peer.pausedUntil = this.now + ms;
  }

  /** Hands an event to a peer from outside. */
  step(peer: SimulatedPeer, event: OverlayEvent): void {
    if (!peer.isUp) return;
    this.carryOut(peer, peer.node.step(event, this.now));
    this.planTick(peer);
  }

  lookup(peer: SimulatedPeer, key: Key, done: (outcome: LookupOutcome) => void): void {
    const lookupId = this.lookups.begin(key, peer.contact.nodeId, this.now, done);
    this.step(peer, { type: 'lookup', key, lookupId });
  }

  /** Runs an action at a virtual time. */
  at(time: number, run: () => void): void {
    this.heap.push(time, { type: 'action', run });
  }

  /** Lets virtual time pass. */
  runFor(ms: number): void {
    this.runUntil(() => false, ms);
  }

  /** Lets time pass until a condition holds, looked at every 100 ms; says whether it came to hold in time. */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    const end = this.now + limitMs;
    while (this.now < end) {
      if (condition()) return true;
      const slice = Math.min(end, this.now + 100);
      while (this.heap.nextTime() <= slice) this.happen();
      this.now = slice;
    }
    return condition();
  }

  livePeers(): SimulatedPeer[] {
    return [...this.peers.values()].filter((peer) => peer.isUp);
  }

  /** Active nodes whose leaf set is not the oracle's, and live ones that are not active. */
  leafSetErrors(): NodeId[] {
    const wrong: NodeId[] = [];
    for (const { node, isUp, contact } of this.peers.values()) {
      if (!isUp) continue;
      const seen = node
        .leafSet()
        .map((member) => member.nodeId)
        .sort((a, b) => a - b);
      const truth = this.oracle.leafSet(contact.nodeId, this.parameters.leafSetHalf);
      if (node.state !== 'active' || seen.length !== truth.length || seen.some((id, i) => id !== truth[i])) {
        wrong.push(contact.nodeId);
      }
    }
    return wrong;
  }

  distance(a: NodeId, b: NodeId): number {
    return this.network.distance(this.peer(a).place, this.peer(b).place);
  }

  peer(id: NodeId): SimulatedPeer {
    return defined(this.peers.get(id), 'a peer of this simulation');
  }

  randomKey(): Key {
    return this.space.position(randomBelow(this.random, this.space.size));
  }

  private freeId(): NodeId {
    for (;;) {
      const id = this.randomKey();
      if (!this.peers.has(id) && !this.retired.has(id)) return id;
    }
  }

  private newNode(contact: Contact): OverlayNode {
    return new OverlayNode(contact, this.parameters, seededRandom(randomBelow(this.random, 2 ** 32)));
  }

  private happen(): void {
    this.now = this.heap.nextTime();
    const planned = this.heap.pop();
    if (planned === undefined) return;
    if (planned.type === 'action') {
      planned.run();
      return;
    }
    const { to } = planned;
    if (to.pausedUntil > this.now && planned.type !== 'refused') {
      this.heap.push(to.pausedUntil, planned);
      return;
    }
    if (planned.type === 'tick') {
      if (planned.at !== to.tickAt) return;
      to.tickAt = Infinity;
      // What was waited for may have come: then there is nothing to do but wait for the next.
      if (to.node.nextDeadline() <= this.now) this.step(to, { type: 'tick' });
      else this.planTick(to);
    } else if (planned.type === 'message') {
      const { from, message } = planned;
      this.handling = message.type === 'lookup' || message.type === 'found' ? message.messageId : undefined;
      if (to.isUp) this.step(to, planned);
      else if (this.refusals) this.refuse(from, to);
      this.handling = undefined;
    } else {
      this.step(to, { type: 'unreachable', contact: planned.contact });
    }
  }

  private refuse(sender: Contact, dead: SimulatedPeer): void {
    const to = this.peers.get(sender.nodeId);
    if (to === undefined) return;
    for (const delay of this.network.delays(dead.place, to.place)) {
      this.heap.push(this.now + delay, { type: 'refused', to, contact: dead.contact });
    }
  }

  private planTick(peer: SimulatedPeer): void {
    const at = peer.node.nextDeadline();
    if (at >= peer.tickAt || !peer.isUp) return;
    peer.tickAt = at;
    this.heap.push(Math.max(at, this.now), { type: 'tick', to: peer, at });
  }

  private carryOut(peer: SimulatedPeer, effects: readonly OverlayEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'send':
          this.carry(peer, effect.to, effect.message);
          break;
        case 'joined':
          this.oracle.add(peer.contact.nodeId);
          break;
        case 'found':
          this.lookups.end(effect.lookupId, this.now, effect);
          break;
        case 'lookup-failed':
          this.lookups.end(effect.lookupId, this.now, undefined, effect.reason);
          break;
        case 'observe':
          this.judge(peer, effect.fact);
          this.onFact?.(peer, effect.fact);
          break;
        case 'neighbours-changed':
          break;
      }
    }
  }

  private carry(peer: SimulatedPeer, contact: Contact, message: OverlayMessage): void {
    this.sent.set(message.type, (this.sent.get(message.type) ?? 0) + 1);
    if (message.type === 'ack' && message.messageId === this.handling) this.lookupAcks += 1;
    this.onSend?.(peer, contact, message);
    const to = this.peers.get(contact.nodeId);
    if (to === undefined || !this.reaches(peer, to)) return;
    for (const delay of this.network.delays(peer.place, to.place)) {
      this.heap.push(this.now + delay, { type: 'message', to, from: peer.contact, message });
    }
  }

  private judge(peer: SimulatedPeer, fact: OverlayFact): void {
    if (fact.kind === 'delivered' && this.oracle.root(fact.key) !== peer.contact.nodeId) this.wrongDeliveries += 1;
  }
}
