/**
 * What peers say to each other about the copies they keep: the requests and answers of the replica protocol, checked
 * once on their way in. It is a protocol of its own, beside the one for clients, so that only members reach it and
 * clients cannot use up its streams.
 */

import type { StoreError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { checkName, NAME_BYTES_MAX, utf8, type SlotRange } from '../id/key.ts';
import type { ContactReader } from './contact.ts';
import { encodeContact } from './contact.ts';
import { check, decodeWith } from './decode.ts';
import { decodeFailure, encodeFailure } from './failure.ts';
import type { WireHolding } from './generated/holding.ts';
import {
  ReplicaAnswer as WireAnswer,
  ReplicaRecord,
  ReplicaRequest as WireRequest,
  Verdict,
  type SlotRange as WireRange,
} from './generated/replica.ts';
import { decodeHolding, encodeHolding, REPLICAS_MAX, type Holding } from './holding.ts';
import {
  COMPARE_RANGES_MAX,
  ENTRIES_PAGE_MAX,
  ENVELOPE_BYTES_MAX,
  HOLDINGS_NAMES_MAX,
  REPLICA_FRAME_BYTES_MAX,
} from './limits.ts';

export const REPLICA_PROTOCOL = '/p2p-file-store/replica/1.0.0';

/** A record and a few bytes around it. */
export const REPLICA_RECORD_BYTES_MAX = ENVELOPE_BYTES_MAX + 64;
export const VERDICT_BYTES_MAX = 16;
const DIGEST_BYTES = 8;
const SLOT_MAX = 0xffff;

export type ReplicaRequest =
  | {
      readonly type: 'replicate';
      readonly name: string;
      readonly sizeHint: number | undefined;
      /** Whom to pass the copy on to, in this order. */
      readonly chain: readonly Contact[];
    }
  | {
      readonly type: 'holdings';
      readonly names: readonly string[];
      /** What the sender has of these names, for the receiver to fetch; or none. */
      readonly offered: readonly Holding[];
      /** The sender is about to go for good, and counts as gone. */
      readonly leaving: boolean;
    }
  | { readonly type: 'compare'; readonly replicas: number; readonly ranges: readonly SlotRange[] }
  | { readonly type: 'entries'; readonly replicas: number; readonly range: SlotRange; readonly after: string }
  | { readonly type: 'record'; readonly name: string };

export type RangeSummary = { readonly count: number; readonly digest: Uint8Array };
export type Entry = { readonly name: string; readonly holding: Holding };

export type ReplicaAnswer =
  /** Staged, or committed; with an error: neither. */
  | { readonly type: 'state'; readonly nodeId: number; readonly error: StoreError | undefined }
  | { readonly type: 'holdings'; readonly holdings: readonly (Holding | undefined)[] }
  | {
      readonly type: 'comparison';
      /** The numbers of copies that occur in the answering peer's directory. */
      readonly replicaCounts: readonly number[];
      readonly summaries: readonly RangeSummary[];
      /** The answering peer was away for longer than removals are kept, as far as it knows. */
      readonly backFromAway: boolean;
    }
  | { readonly type: 'entries'; readonly entries: readonly Entry[]; readonly more: boolean }
  | { readonly type: 'record'; readonly envelope: Uint8Array }
  | { readonly type: 'failure'; readonly error: StoreError };

export function encodeReplicaRequest(request: ReplicaRequest): Uint8Array {
  switch (request.type) {
    case 'replicate': {
      const { name, sizeHint, chain } = request;
      const size = sizeHint === undefined ? {} : { size: sizeHint };
      return WireRequest.encode({ replicate: { name, chain: chain.map(encodeContact), ...size } });
    }
    case 'holdings': {
      const { names, offered, leaving } = request;
      return WireRequest.encode({ holdings: { names: [...names], offered: offered.map(encodeHolding), leaving } });
    }
    case 'compare':
      return WireRequest.encode({ compare: { replicas: request.replicas, ranges: [...request.ranges] } });
    case 'entries':
      return WireRequest.encode({ entries: request });
    case 'record':
      return WireRequest.encode({ record: request });
  }
}

/** @throws BadMessageError, InvalidNameError */
export function decodeReplicaRequest(bytes: Uint8Array, reader: ContactReader): ReplicaRequest {
  const wire = decodeWith(WireRequest, bytes, REPLICA_FRAME_BYTES_MAX, 'replica request');
  if (wire.replicate !== undefined) {
    const { name, size, chain } = wire.replicate;
    checkName(name);
    check(size === undefined || (Number.isSafeInteger(size) && size >= 0), "a copy's size is out of range");
    check(chain.length < REPLICAS_MAX, 'a chain of replicas is too long');
    return { type: 'replicate', name, sizeHint: size, chain: chain.map((contact) => reader.contact(contact)) };
  }
  if (wire.holdings !== undefined) {
    const { names, offered, leaving } = wire.holdings;
    check(names.length <= HOLDINGS_NAMES_MAX, 'too many names in one inquiry');
    check(offered.length === 0 || offered.length === names.length, 'an offer that does not fit its names');
    names.forEach(checkName);
    return { type: 'holdings', names, offered: offered.map(decodePresent), leaving };
  }
  if (wire.compare !== undefined) {
    const { replicas, ranges } = wire.compare;
    check(ranges.length <= COMPARE_RANGES_MAX, 'too many ranges to compare');
    check(replicas <= REPLICAS_MAX, 'a number of copies is out of range');
    return { type: 'compare', replicas, ranges: ranges.map(checkRange) };
  }
  if (wire.record !== undefined) {
    checkName(wire.record.name);
    return { type: 'record', name: wire.record.name };
  }
  check(wire.entries !== undefined, 'a replica request of an unknown kind');
  const { replicas, range, after } = wire.entries;
  check(utf8(after).length <= NAME_BYTES_MAX && replicas <= REPLICAS_MAX && range !== undefined, 'a bad page request');
  return { type: 'entries', replicas, range: checkRange(range), after };
}

export function encodeReplicaAnswer(answer: ReplicaAnswer): Uint8Array {
  switch (answer.type) {
    case 'state': {
      const { nodeId, error } = answer;
      return WireAnswer.encode({ state: error === undefined ? { nodeId } : { nodeId, failure: encodeFailure(error) } });
    }
    case 'holdings':
      return WireAnswer.encode({ holdings: { holdings: answer.holdings.map(encodeHolding) } });
    case 'comparison': {
      const { replicaCounts, summaries, backFromAway } = answer;
      const digests = Buffer.concat(summaries.map(({ digest }) => digest));
      const counts = summaries.map(({ count }) => count);
      return WireAnswer.encode({ comparison: { replicaCounts: [...replicaCounts], counts, digests, backFromAway } });
    }
    case 'entries': {
      const entries = answer.entries.map(({ name, holding }) => ({ name, holding: encodeHolding(holding) }));
      return WireAnswer.encode({ entries: { entries, more: answer.more } });
    }
    case 'record':
      return WireAnswer.encode({ record: answer.envelope });
    case 'failure':
      return WireAnswer.encode({ failure: encodeFailure(answer.error) });
  }
}

/** @throws BadMessageError */
export function decodeReplicaAnswer(bytes: Uint8Array): ReplicaAnswer {
  const wire = decodeWith(WireAnswer, bytes, REPLICA_FRAME_BYTES_MAX, 'replica answer');
  if (wire.state !== undefined) {
    const { nodeId, failure } = wire.state;
    return { type: 'state', nodeId, error: failure === undefined ? undefined : decodeFailure(failure) };
  }
  if (wire.holdings !== undefined) {
    check(wire.holdings.holdings.length <= HOLDINGS_NAMES_MAX, 'too many holdings in one answer');
    return { type: 'holdings', holdings: wire.holdings.holdings.map(decodeHolding) };
  }
  if (wire.comparison !== undefined) {
    const { replicaCounts, counts, digests, backFromAway } = wire.comparison;
    check(counts.length <= COMPARE_RANGES_MAX && replicaCounts.length <= REPLICAS_MAX, 'a comparison is too long');
    check(digests.length === counts.length * DIGEST_BYTES, 'a comparison whose digests do not fit its counts');
    const summaries = counts.map((count, i) => ({
      count,
      digest: digests.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES),
    }));
    return { type: 'comparison', replicaCounts, summaries, backFromAway };
  }
  if (wire.entries !== undefined) {
    check(wire.entries.entries.length <= ENTRIES_PAGE_MAX, 'too many entries on one page');
    const entries = wire.entries.entries.map(({ name, holding }) => {
      checkName(name);
      check(holding !== undefined, 'an entry without a version');
      return { name, holding: decodePresent(holding) };
    });
    return { type: 'entries', entries, more: wire.entries.more };
  }
  if (wire.record !== undefined) return { type: 'record', envelope: wire.record };
  check(wire.failure !== undefined, 'a replica answer of an unknown kind');
  return { type: 'failure', error: decodeFailure(wire.failure) };
}

export function encodeReplicaRecord(record: Uint8Array): Uint8Array {
  return ReplicaRecord.encode({ record });
}

/** The envelope. @throws BadMessageError */
export function decodeReplicaRecord(bytes: Uint8Array): Uint8Array {
  return decodeWith(ReplicaRecord, bytes, REPLICA_RECORD_BYTES_MAX, 'record of a copy').record;
}

export function encodeVerdict(commit: boolean): Uint8Array {
  return Verdict.encode({ commit });
}

/** True: commit. @throws BadMessageError */
export function decodeVerdict(bytes: Uint8Array): boolean {
  return decodeWith(Verdict, bytes, VERDICT_BYTES_MAX, 'verdict').commit;
}

function decodePresent(wire: WireHolding): Holding {
  const holding = decodeHolding(wire);
  check(holding !== undefined, 'a version is missing');
  return holding;
}

function checkRange({ from, to }: WireRange): SlotRange {
  check(from <= SLOT_MAX && to <= SLOT_MAX, 'a range that is not on the ring');
  return { from, to };
}
