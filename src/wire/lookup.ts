/** What clients ask of their entry peer. Clients stand on no ring, so they never speak the overlay's own protocol. */

import type { StoreError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import type { Key, NodeId } from '../id/id-space.ts';
import type { KeyInterval } from '../id/interval.ts';
import { encodeContact, type ContactReader } from './contact.ts';
import { check, decodeWith } from './decode.ts';
import { decodeFailure, encodeFailure } from './failure.ts';
import { WireLookup, WireLookupAnswer } from './generated/lookup.ts';
import { CONTACTS_PER_MESSAGE_MAX, OVERLAY_FRAME_BYTES_MAX } from './limits.ts';

export const LOOKUP_PROTOCOL = '/p2p-file-store/lookup/1.0.0';
export const LOOKUP_REQUEST_BYTES_MAX = 64;
export const LOOKUP_ANSWER_BYTES_MAX = OVERLAY_FRAME_BYTES_MAX;

const PATH_MAX = 256;

export type LookupRequest = { readonly requestId: number; readonly key: Key };

/** Where a key's files are. */
export type Located = {
  readonly root: Contact;
  /** Root first. */
  readonly replicaSet: readonly Contact[];
  /** Entry peer first, root last. */
  readonly path: readonly NodeId[];
  /** The keys that this root answers for. */
  readonly intervals: readonly KeyInterval[];
};

export type LookupAnswer = { readonly requestId: number } & (
  { readonly located: Located } | { readonly error: StoreError }
);

export function encodeLookupRequest(request: LookupRequest): Uint8Array {
  return WireLookup.encode(request);
}

/** @throws BadMessageError */
export function decodeLookupRequest(bytes: Uint8Array, reader: ContactReader): LookupRequest {
  const { requestId, key } = decodeWith(WireLookup, bytes, LOOKUP_REQUEST_BYTES_MAX, 'lookup');
  check(reader.idSpace.contains(key), 'a key out of range');
  return { requestId, key };
}

export function encodeLocated(requestId: number, located: Located): Uint8Array {
  return WireLookupAnswer.encode({
    requestId,
    root: encodeContact(located.root),
    replicaSet: located.replicaSet.map(encodeContact),
    path: [...located.path],
    intervals: [...located.intervals],
  });
}

export function encodeLookupFailure(requestId: number, error: unknown): Uint8Array {
  return WireLookupAnswer.encode({ requestId, failure: encodeFailure(error) });
}

/** @throws BadMessageError */
export function decodeLookupAnswer(bytes: Uint8Array, reader: ContactReader): LookupAnswer {
  const wire = decodeWith(WireLookupAnswer, bytes, LOOKUP_ANSWER_BYTES_MAX, 'lookup answer');
  const { requestId } = wire;
  if (wire.failure !== undefined) return { requestId, error: decodeFailure(wire.failure) };
  check(wire.replicaSet.length <= CONTACTS_PER_MESSAGE_MAX, 'too many replicas in a lookup answer');
  check(wire.path.length >= 1 && wire.path.length <= PATH_MAX, "a lookup answer's path is too long or empty");
  const position = (value: number): NodeId => {
    check(reader.idSpace.contains(value), 'a position out of range in a lookup answer');
    return value;
  };
  const path = wire.path.map(position);
  check(wire.intervals.length <= CONTACTS_PER_MESSAGE_MAX, 'too many intervals in a lookup answer');
  const intervals = wire.intervals.map(({ from, to }) => ({ from: position(from), to: position(to) }));
  const root = reader.contact(wire.root);
  const replicaSet = wire.replicaSet.map((contact) => reader.contact(contact));
  return { requestId, located: { root, replicaSet, path, intervals } };
}
