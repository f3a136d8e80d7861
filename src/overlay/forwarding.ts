/**
 * Custody of lookups and joins on their way. Who acknowledges one has taken charge of it: it passes it on, waits
 * for the next acknowledgement, goes around whoever stays silent, delivers only when sure, and holds what it can
 * neither pass on nor deliver until its view changes. Copies are dropped; a hop limit ends whatever circles.
 */

import type { Contact } from '../id/contact.ts';
import type { Key, NodeId, Position } from '../id/id-space.ts';
import type { Core } from './core.ts';
import type { Deadline } from './deadlines.ts';
import { Duplicates } from './duplicates.ts';
import type { KnownNode } from './known-node.ts';
import type { Liveness } from './liveness.ts';
import type { AckMessage, FoundMessage, JoinMessage, LookupMessage } from './messages.ts';
import { nextHop } from './next-hop.ts';
import type { Ownership } from './ownership.ts';
import { ackTimeout, addSample } from './round-trip.ts';

export type RoutedMessage = LookupMessage | JoinMessage;

export type ForwardingPorts = {
  /** A lookup has ended here, where it began. */
  foundHere(message: FoundMessage): void;
  /** A join passes through; it goes on with what is returned. */
  joinPasses(message: JoinMessage): JoinMessage;
  /** A join has ended here. */
  joinEnds(message: JoinMessage): void;
  /** What the sender of a lookup or join seems to lack in its table. */
  hintFor(sender: NodeId, key: Position): Contact | undefined;
  /** Somebody says what we lack. */
  hinted(hint: Contact): void;
};

type Flight = {
  readonly node: KnownNode;
  readonly message: RoutedMessage;
  readonly sentAt: number;
  readonly deadline: Deadline;
};

type Answer = { readonly to: Contact; readonly deadline: Deadline };

type Held = { readonly message: LookupMessage; readonly since: number };

/** Sendings of one answer before the origin is left to ask again. */
const ANSWER_TRIES = 3;

export class Forwarding {
  private readonly core: Core;
  private readonly liveness: Liveness;
  private readonly ownership: Ownership;
  private readonly ports: ForwardingPorts;
  private readonly duplicates: Duplicates;
  private readonly flights = new Map<number, Flight>();
  private readonly answers = new Map<number, Answer>();
  private held: Held[] = [];

  constructor(core: Core, liveness: Liveness, ownership: Ownership, ports: ForwardingPorts) {
    this.core = core;
    this.liveness = liveness;
    this.ownership = ownership;
    this.ports = ports;
    this.duplicates = new Duplicates(core.parameters);
  }

  /** Sends a lookup of our own on its way. */
  begin(key: Key, requestId: number): void {
    const { core } = this;
    this.duplicates.add(core.self, requestId, core.now);
    this.route({ type: 'lookup', messageId: 0, requestId, key, origin: core.contact, path: [core.self] });
  }

  onLookup(from: Contact, message: LookupMessage): void {
    const { core } = this;
    this.acknowledge(from, message.messageId, message.key);
    if (!this.isNew(message.origin.nodeId, message.requestId)) return;
    if (message.path.length >= core.parameters.hopLimit) {
      core.observe({ kind: 'dropped', why: 'hop-limit' });
      return;
    }
    this.route({ ...message, path: [...message.path, core.self] });
  }

  onJoin(from: Contact, message: JoinMessage): void {
    const { core } = this;
    this.acknowledge(from, message.messageId, message.joiner.nodeId);
    if (message.joiner.nodeId === core.self || !this.isNew(message.joiner.nodeId, message.requestId)) return;
    if (message.hops >= core.parameters.hopLimit) {
      core.observe({ kind: 'dropped', why: 'hop-limit' });
      return;
    }
    this.route(this.ports.joinPasses({ ...message, hops: message.hops + 1 }));
  }

  onAck({ messageId, hint }: AckMessage, from: NodeId): void {
    const { core } = this;
    const flight = this.flights.get(messageId);
    if (flight?.node.nodeId === from) {
      this.flights.delete(messageId);
      core.deadlines.cancel(flight.deadline);
      addSample(flight.node, core.now - flight.sentAt);
      this.liveness.onTrialPassed(flight.node);
      if (hint !== undefined) this.ports.hinted(hint);
      return;
    }
    const answer = this.answers.get(messageId);
    if (answer?.to.nodeId !== from) return;
    this.answers.delete(messageId);
    core.deadlines.cancel(answer.deadline);
  }

  /** Nothing more will come from this node: what waits for its acknowledgement goes another way. */
  gone(node: KnownNode): void {
    for (const [messageId, flight] of this.flights) {
      if (flight.node !== node) continue;
      this.flights.delete(messageId);
      this.core.deadlines.cancel(flight.deadline);
      this.route(flight.message);
    }
  }

  /** At the end of a step that changed the view: tries again what is held. */
  settle(): void {
    if (this.held.length === 0) return;
    const { core } = this;
    const waiting = this.held;
    this.held = [];
    for (const { message, since } of waiting) {
      if (core.now - since > core.parameters.lookupDeadlineMs) core.observe({ kind: 'dropped', why: 'held-too-long' });
      else this.route(message, since);
    }
  }

  stop(): void {
    this.flights.clear();
    this.answers.clear();
    this.held = [];
  }

  private acknowledge(from: Contact, messageId: number, key: Position): void {
    const hint = this.ports.hintFor(from.nodeId, key);
    this.core.sendTo(from, hint === undefined ? { type: 'ack', messageId } : { type: 'ack', messageId, hint });
  }

  private isNew(origin: NodeId, requestId: number): boolean {
    if (this.duplicates.add(origin, requestId, this.core.now)) return true;
    this.core.observe({ kind: 'dropped', why: 'duplicate' });
    return false;
  }

  /** The next hop, the end of the way, or a place to wait. */
  private route(message: RoutedMessage, heldSince?: number): void {
    const { core } = this;
    const isJoin = message.type === 'join';
    const key = isJoin ? message.joiner.nodeId : message.key;
    const view = { self: core.self, geometry: core.geometry, leafSet: core.leafSet, table: core.table };
    const hop = nextHop(view, key, isJoin ? message.joiner.nodeId : undefined);
    if (hop !== undefined) {
      if (!isJoin) core.observe({ kind: 'forwarded', how: hop.how, key, to: hop.to.nodeId });
      this.forward(hop.to, message);
    } else if (isJoin) {
      this.ports.joinEnds(message);
    } else if (this.ownership.isRoot(key)) {
      this.deliver(message);
    } else {
      const closer = this.ownership.isSettled() ? this.ownership.closerInTable(key) : undefined;
      if (closer === undefined) this.hold(message, heldSince);
      else this.forward(closer, message);
    }
  }

  private forward(node: KnownNode, message: RoutedMessage): void {
    const { core } = this;
    const messageId = core.newMessageId();
    const deadline = core.deadlines.set(core.now + ackTimeout(node, core.parameters), () => {
      this.missed(messageId);
    });
    this.flights.set(messageId, { node, message, sentAt: core.now, deadline });
    core.send(node, { ...message, messageId });
  }

  private missed(messageId: number): void {
    const { core } = this;
    const flight = this.flights.get(messageId);
    if (flight === undefined) return;
    this.flights.delete(messageId);
    const { node, message } = flight;
    this.liveness.suspect(node);
    this.liveness.onTrialFailed(node);
    const key = message.type === 'join' ? message.joiner.nodeId : message.key;
    core.observe({ kind: 'rerouted', key, around: node.nodeId });
    this.route(message);
  }

  private hold(message: LookupMessage, since = this.core.now): void {
    const { core } = this;
    core.observe({ kind: 'held', key: message.key });
    if (this.held.length >= core.parameters.heldMax) {
      this.held.shift();
      core.observe({ kind: 'dropped', why: 'held-too-many' });
    }
    this.held.push({ message, since });
  }

  private deliver(message: LookupMessage): void {
    const { core } = this;
    const { key, origin, path, requestId } = message;
    core.observe({ kind: 'delivered', key, hops: path.length - 1, origin: origin.nodeId });
    const found: FoundMessage = {
      type: 'found',
      messageId: core.newMessageId(),
      requestId,
      key,
      replicaSet: this.ownership.replicaSet(key, core.parameters.leafSetHalf) ?? [core.contact],
      path,
      intervals: this.ownership.intervals(),
    };
    if (origin.nodeId === core.self) this.ports.foundHere(found);
    else this.answer(origin, found, 1);
  }

  private answer(to: Contact, message: FoundMessage, tries: number): void {
    const { core } = this;
    core.sendTo(to, message);
    const deadline = core.deadlines.set(core.now + core.parameters.ackTimeoutCapMs, () => {
      this.answers.delete(message.messageId);
      if (tries < ANSWER_TRIES) this.answer(to, message, tries + 1);
    });
    this.answers.set(message.messageId, { to, deadline });
  }
}
