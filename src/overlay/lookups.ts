/**
 * Lookups that began at this node. Each ends in exactly one `found` or `lookup-failed`. One that gets no answer is
 * sent out again, as a new request, so that no single loss or death on the way decides; the first answer counts.
 */

import type { Contact } from '../id/contact.ts';
import type { Key } from '../id/id-space.ts';
import type { Core } from './core.ts';
import type { Deadline } from './deadlines.ts';
import type { LookupFailure, LookupId } from './events.ts';
import type { FoundMessage } from './messages.ts';

type Lookup = {
  readonly lookupId: LookupId;
  readonly key: Key;
  readonly requestIds: number[];
  deadline: Deadline | undefined;
  retry: Deadline | undefined;
};

export class Lookups {
  private readonly core: Core;
  private readonly begin: (key: Key, requestId: number) => void;
  private readonly byRequest = new Map<number, Lookup>();

  constructor(core: Core, begin: (key: Key, requestId: number) => void) {
    this.core = core;
    this.begin = begin;
  }

  start(key: Key, lookupId: LookupId): void {
    const { core } = this;
    if (core.state === 'stopped') {
      core.emit({ type: 'lookup-failed', lookupId, reason: 'stopped' });
      return;
    }
    const lookup: Lookup = { lookupId, key, requestIds: [], deadline: undefined, retry: undefined };
    lookup.deadline = core.deadlines.set(core.now + core.parameters.lookupDeadlineMs, () => {
      this.fail(lookup, 'timeout');
    });
    this.attempt(lookup);
  }

  /** An answer; late and repeated ones find nothing to end. */
  onFound(root: Contact, message: FoundMessage): void {
    const lookup = this.byRequest.get(message.requestId);
    if (lookup?.key !== message.key) return;
    this.end(lookup);
    const { replicaSet, path, intervals, key } = message;
    this.core.emit({ type: 'found', lookupId: lookup.lookupId, key, root, replicaSet, path, intervals });
  }

  stop(): void {
    for (const lookup of new Set(this.byRequest.values())) this.fail(lookup, 'stopped');
  }

  private attempt(lookup: Lookup): void {
    const { core } = this;
    const requestId = core.newRequestId();
    lookup.requestIds.push(requestId);
    this.byRequest.set(requestId, lookup);
    lookup.retry = core.deadlines.set(core.now + core.parameters.lookupRetryMs, () => {
      this.attempt(lookup);
    });
    this.begin(lookup.key, requestId);
  }

  private fail(lookup: Lookup, reason: LookupFailure): void {
    this.end(lookup);
    this.core.emit({ type: 'lookup-failed', lookupId: lookup.lookupId, reason });
  }

  private end(lookup: Lookup): void {
    this.core.deadlines.cancel(lookup.deadline);
    this.core.deadlines.cancel(lookup.retry);
    for (const requestId of lookup.requestIds) this.byRequest.delete(requestId);
  }
}
