/**
 * Who is alive. The only proof is an answer to a probe of one's own: not an open connection, not another's word,
 * not a message that merely came in. A node is dead when the last of a row of probes is missed; one that was
 * heard meanwhile gets a little longer, because then it is more likely busy, or the probes were lost.
 *
 * A newcomer that probes us first is verified by the acknowledgement of our reply: no message is wasted.
 */

import type { Contact } from '../id/contact.ts';
import type { Core } from './core.ts';
import type { KnownNode, Probe } from './known-node.ts';
import type { ProbeReplyMessage } from './messages.ts';
import { addSample } from './round-trip.ts';

/** More probes for a node that is heard but does not answer. */
const EXTENSIONS_MAX = 2;

export type LivenessPorts = {
  /** A candidate has answered. */
  confirmed(node: KnownNode): void;
  /** A candidate has not. */
  failed(node: KnownNode): void;
  /** A node that was live has not. */
  died(node: KnownNode): void;
};

export class Liveness {
  private readonly core: Core;
  private readonly ports: LivenessPorts;

  constructor(core: Core, ports: LivenessPorts) {
    this.core = core;
    this.ports = ports;
  }

  /** Probes a node, unless that is under way. With `exchange` the leaf sets are swapped, too. */
  probe(
    node: KnownNode,
    exchange: boolean,
    timeoutsMs: readonly number[] = this.core.parameters.probeTimeoutsMs,
  ): void {
    if (node.probe !== undefined) {
      if (!exchange || node.probe.exchange) return;
      // The row of probes under way goes on, now with the leaf set, and only an answer with one ends it.
      node.probe.exchange = true;
      node.probe.messageId = this.core.newMessageId();
      this.sendProbe(node, node.probe);
      return;
    }
    const probe = this.begin(timeoutsMs, exchange);
    node.probe = probe;
    this.sendProbe(node, probe);
    this.await(node, probe, timeoutsMs[0] ?? 0);
  }

  /**
   * A sign that was expected did not come: passes the node over. A leaf is probed until the matter is settled; a mere
   * table entry is not, because others serve as well: it is live again when it is heard, or gone when its turn comes.
   */
  suspect(node: KnownNode): void {
    if (node.state !== 'live') return;
    this.markSuspected(node);
    if (node.inLeafSet) this.probe(node, false);
  }

  /** Another takes a leaf for dead, having probed often enough: it is passed over, and one probe of our own will do. */
  doubt(node: KnownNode, heirs: readonly Contact[]): void {
    if (node.state !== 'live' || node.probe !== undefined) return;
    node.heirs = heirs;
    this.markSuspected(node);
    this.check(node);
  }

  /** One probe settles whether it lives. */
  check(node: KnownNode): void {
    this.probe(node, false, [this.core.parameters.checkTimeoutMs]);
  }

  /** A node on trial has acknowledged what was sent through it. */
  onTrialPassed(node: KnownNode): void {
    if (node.state === 'candidate' && node.probe === undefined) this.ports.confirmed(node);
  }

  onTrialFailed(node: KnownNode): void {
    if (node.state === 'candidate' && node.probe === undefined) this.ports.failed(node);
  }

  /** A message came from a suspected node that nobody is probing. An answer to us proves that it lives; else it is asked. */
  onHeard(node: KnownNode, isAnswer: boolean): void {
    if (node.state !== 'suspected' || node.probe !== undefined) return;
    if (isAnswer) this.recover(node);
    else this.check(node);
  }

  /** The id under which our reply is to be acknowledged by a candidate that probed us. */
  awaitEcho(node: KnownNode): number {
    if (node.probe !== undefined) return node.probe.attempt < 0 ? node.probe.messageId : 0;
    const probe: Probe = { ...this.begin(this.core.parameters.probeTimeoutsMs, node.forLeafSet), attempt: -1 };
    node.probe = probe;
    this.await(node, probe, this.core.parameters.ackTimeoutInitialMs);
    return probe.messageId;
  }

  onReply(node: KnownNode, message: ProbeReplyMessage): void {
    if (node.probe !== undefined && (message.exchange || !node.probe.exchange)) this.answered(node, message.messageId);
  }

  /** The acknowledgement of a reply of ours. */
  onEcho(node: KnownNode, messageId: number): void {
    if (node.probe?.attempt === -1 && node.probe.messageId === messageId) this.answered(node, messageId);
  }

  /** The driver could not reach it: the next probe comes sooner. */
  onUnreachable(contact: Contact): void {
    const { core } = this;
    const node = core.known.get(contact.nodeId);
    if (node === undefined) return;
    this.suspect(node);
    const deadline = node.probe?.deadline;
    const soon = core.now + core.parameters.refusedProbeMs;
    if (node.probe === undefined || deadline === undefined || deadline.at <= soon) return;
    core.deadlines.cancel(deadline);
    this.await(node, node.probe, core.parameters.refusedProbeMs);
  }

  private begin(timeoutsMs: readonly number[], exchange: boolean): Probe {
    const { now } = this.core;
    return {
      messageId: this.core.newMessageId(),
      timeoutsMs,
      attempt: 0,
      exchange,
      startedAt: now,
      sentAt: now,
      extensions: 0,
      deadline: undefined,
    };
  }

  private sendProbe(node: KnownNode, probe: Probe): void {
    const { core } = this;
    probe.sentAt = core.now;
    if (probe.exchange) node.deathsTold = core.deathsKnown;
    core.send(node, {
      type: 'probe',
      messageId: probe.messageId,
      exchange: probe.exchange,
      active: core.state === 'active',
      nearer: false,
      contacts: probe.exchange ? core.neighbourhood() : [],
      dead: probe.exchange ? core.dead() : [],
    });
  }

  private await(node: KnownNode, probe: Probe, timeoutMs: number): void {
    probe.deadline = this.core.deadlines.set(this.core.now + timeoutMs, () => {
      this.missed(node, probe);
    });
  }

  private missed(node: KnownNode, probe: Probe): void {
    if (node.probe !== probe) return;
    const { timeoutsMs } = probe;
    probe.attempt += 1;
    let timeoutMs = timeoutsMs[probe.attempt];
    if (timeoutMs === undefined && node.heardAt > probe.startedAt && probe.extensions < EXTENSIONS_MAX) {
      probe.extensions += 1;
      timeoutMs = timeoutsMs.at(-1);
    }
    if (timeoutMs === undefined) {
      node.probe = undefined;
      if (node.state === 'candidate') this.ports.failed(node);
      else this.ports.died(node);
      return;
    }
    if (node.state === 'live') this.markSuspected(node);
    probe.messageId = this.core.newMessageId();
    this.sendProbe(node, probe);
    this.await(node, probe, timeoutMs);
  }

  private answered(node: KnownNode, messageId: number): void {
    const { core } = this;
    const { probe } = node;
    if (probe === undefined) return;
    if (probe.messageId === messageId) addSample(node, core.now - probe.sentAt);
    core.deadlines.cancel(probe.deadline);
    node.probe = undefined;
    if (node.state === 'candidate') this.ports.confirmed(node);
    else if (node.state === 'suspected') this.recover(node);
  }

  private recover(node: KnownNode): void {
    node.state = 'live';
    node.heirs = undefined;
    this.core.viewChanged = true;
    this.core.tableMayFit ||= !node.inLeafSet;
    this.core.observe({ kind: 'recovered', nodeId: node.nodeId });
  }

  private markSuspected(node: KnownNode): void {
    node.state = 'suspected';
    this.core.viewChanged = true;
    this.core.observe({ kind: 'suspected', nodeId: node.nodeId });
  }
}
