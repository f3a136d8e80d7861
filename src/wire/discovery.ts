/**
 * The requests and answers of the discovery protocol, checked once on their way in. What an answer carries that is
 * signed (certificate, parameters, member list) comes out opened beside the very bytes that were signed, so nothing
 * behind this file sees a word of the discovery peer that the network key does not stand behind.
 *
 * A stream serves requests one after another. `subscribe` turns it into a subscription for good: presence notices come
 * down, renewals go up.
 */

import { assert } from '../base/assert.ts';
import { equalBytes } from '../base/bytes.ts';
import type { StoreError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import type { IdSpace, NodeId } from '../id/id-space.ts';
import type { Certificate } from '../membership/certificate.ts';
import type { MemberList } from '../membership/member-list.ts';
import { checkAddrs, encodeContact, type ContactReader } from './contact.ts';
import { check, decodeWith } from './decode.ts';
import { decodeFailure, encodeFailure } from './failure.ts';
import {
  DiscoveryAnswer as WireAnswer,
  DiscoveryRequest as WireRequest,
  type RegisterAnswer as WireRegisterAnswer,
} from './generated/discovery.ts';
import {
  CONTACT_BYTES_MAX,
  CONTACTS_PER_MESSAGE_MAX,
  DISCOVERY_ANSWER_BYTES_MAX,
  DISCOVERY_REQUEST_BYTES_MAX,
  ENVELOPE_BYTES_MAX,
  MEMBER_LIST_BYTES_MAX,
} from './limits.ts';
import { openMemberList, openParameters, PEER_ID_CHARACTERS_MAX } from './membership.ts';

export const DISCOVERY_PROTOCOL = '/p2p-file-store/discovery/1.0.0';

/** Peers that one may ask to be spared when asking for a random one. */
const EXCEPTED_PEERS_MAX = 64;
/** Contacts that a newcomer is given to join through. */
export const SEEDS_MAX = 8;
/** Contacts in one presence notice: a hint of who is new, not a list of everybody. */
export const ARRIVED_PER_NOTICE_MAX = 16;
/** A notice carries no list, so a subscriber need not be ready for a large frame. */
export const NOTICE_BYTES_MAX = 64 * 1024;

assert(ARRIVED_PER_NOTICE_MAX * (CONTACT_BYTES_MAX + 8) + 64 <= NOTICE_BYTES_MAX, 'a full notice fits its frame');
assert(SEEDS_MAX <= CONTACTS_PER_MESSAGE_MAX, 'seeds are contacts of a message');
assert(
  MEMBER_LIST_BYTES_MAX + CONTACTS_PER_MESSAGE_MAX * (CONTACT_BYTES_MAX + 8) + 3 * ENVELOPE_BYTES_MAX <=
    DISCOVERY_ANSWER_BYTES_MAX,
  'a full answer fits its frame',
);

export type RegisterRequest = {
  readonly addrs: readonly string[];
  readonly wantedId: NodeId | undefined;
  /** The certificate held so far, not yet opened; empty when there is none. */
  readonly certificate: Uint8Array;
};

export type DiscoveryRequest =
  | ({ readonly type: 'register' } & RegisterRequest)
  | { readonly type: 'stop' }
  | { readonly type: 'leave' }
  | { readonly type: 'random-peer'; readonly except: readonly string[] }
  | { readonly type: 'members' }
  | { readonly type: 'subscribe'; readonly addrs: readonly string[] }
  | { readonly type: 'renew'; readonly addrs: readonly string[] };

/** What is signed, as bytes. */
export type SignedAnswers = {
  readonly certificate: Uint8Array;
  readonly parameters: Uint8Array;
  readonly memberList: Uint8Array;
};

export type DiscoveryReply =
  | ({ readonly type: 'registered'; readonly seeds: readonly Contact[] } & SignedAnswers)
  | { readonly type: 'done'; readonly epoch: number }
  | { readonly type: 'peer'; readonly contact: Contact }
  | { readonly type: 'members'; readonly memberList: Uint8Array; readonly present: readonly Contact[] }
  | { readonly type: 'presence'; readonly epoch: number; readonly arrived: readonly Contact[] }
  | { readonly type: 'failure'; readonly error: unknown };

export type RegisteredAnswer = {
  readonly certificate: Certificate;
  readonly memberList: MemberList;
  readonly seeds: readonly Contact[];
  /** The bytes that the network key signed. */
  readonly signed: SignedAnswers;
};

export type MembersAnswer = {
  readonly memberList: MemberList;
  /** Some that are present, drawn at random. */
  readonly present: readonly Contact[];
};

export type PresenceNotice = { readonly epoch: number; readonly arrived: readonly Contact[] };

export type DiscoveryAnswer =
  | ({ readonly type: 'registered' } & RegisteredAnswer)
  | { readonly type: 'done'; readonly epoch: number }
  | { readonly type: 'peer'; readonly contact: Contact }
  | ({ readonly type: 'members' } & MembersAnswer)
  | ({ readonly type: 'presence' } & PresenceNotice)
  | { readonly type: 'failure'; readonly error: StoreError };

export function encodeDiscoveryRequest(request: DiscoveryRequest): Uint8Array {
  switch (request.type) {
    case 'register': {
      const { addrs, wantedId, certificate } = request;
      const wanted = wantedId === undefined ? {} : { wantedId };
      return WireRequest.encode({ register: { addrs: [...addrs], certificate, ...wanted } });
    }
    case 'stop':
      return WireRequest.encode({ stop: {} });
    case 'leave':
      return WireRequest.encode({ leave: {} });
    case 'random-peer':
      return WireRequest.encode({ randomPeer: { except: request.except.slice(-EXCEPTED_PEERS_MAX) } });
    case 'members':
      return WireRequest.encode({ members: {} });
    case 'subscribe':
      return WireRequest.encode({ subscribe: { addrs: [...request.addrs] } });
    case 'renew':
      return WireRequest.encode({ renew: { addrs: [...request.addrs] } });
  }
}

/** @throws BadMessageError, FrameTooLargeError */
export function decodeDiscoveryRequest(bytes: Uint8Array, space: IdSpace): DiscoveryRequest {
  const wire = decodeWith(WireRequest, bytes, DISCOVERY_REQUEST_BYTES_MAX, 'discovery request');
  if (wire.register !== undefined) {
    const { addrs, wantedId, certificate } = wire.register;
    checkAddrs(addrs);
    check(certificate.length <= ENVELOPE_BYTES_MAX, 'too large a certificate');
    if (wantedId === undefined) return { type: 'register', addrs, wantedId, certificate };
    check(space.contains(wantedId), 'a wanted node id that is out of range');
    return { type: 'register', addrs, wantedId, certificate };
  }
  if (wire.stop !== undefined) return { type: 'stop' };
  if (wire.leave !== undefined) return { type: 'leave' };
  if (wire.randomPeer !== undefined) {
    const { except } = wire.randomPeer;
    check(except.length <= EXCEPTED_PEERS_MAX, 'too many peers are to be spared');
    check(
      except.every((peerId) => peerId.length <= PEER_ID_CHARACTERS_MAX),
      'a PeerId that is too long',
    );
    return { type: 'random-peer', except };
  }
  if (wire.members !== undefined) return { type: 'members' };
  const presence = wire.subscribe ?? wire.renew;
  check(presence !== undefined, 'a discovery request of an unknown type');
  checkAddrs(presence.addrs);
  return { type: wire.subscribe !== undefined ? 'subscribe' : 'renew', addrs: presence.addrs };
}

export function encodeDiscoveryReply(reply: DiscoveryReply): Uint8Array {
  switch (reply.type) {
    case 'registered': {
      const { certificate, parameters, memberList } = reply;
      return WireAnswer.encode({
        registered: { certificate, parameters, memberList, seeds: reply.seeds.map(encodeContact) },
      });
    }
    case 'done':
      return WireAnswer.encode({ done: { epoch: reply.epoch } });
    case 'peer':
      return WireAnswer.encode({ peer: encodeContact(reply.contact) });
    case 'members':
      return WireAnswer.encode({
        members: { memberList: reply.memberList, present: reply.present.map(encodeContact) },
      });
    case 'presence':
      return WireAnswer.encode({ presence: { epoch: reply.epoch, arrived: reply.arrived.map(encodeContact) } });
    case 'failure':
      return WireAnswer.encode({ failure: encodeFailure(reply.error) });
  }
}

/** @throws BadMessageError, FrameTooLargeError when anything in it is not of the reader's network or out of range */
export function decodeDiscoveryAnswer(bytes: Uint8Array, reader: ContactReader): DiscoveryAnswer {
  const wire = decodeWith(WireAnswer, bytes, DISCOVERY_ANSWER_BYTES_MAX, 'discovery answer');
  if (wire.failure !== undefined) return { type: 'failure', error: decodeFailure(wire.failure) };
  if (wire.registered !== undefined) return { type: 'registered', ...openRegistered(wire.registered, reader) };
  if (wire.done !== undefined) return { type: 'done', epoch: checkedEpoch(wire.done.epoch) };
  if (wire.peer !== undefined) return { type: 'peer', contact: reader.contact(wire.peer) };
  if (wire.members !== undefined) {
    const memberList = openMemberList(wire.members.memberList, reader.networkId, reader.idSpace);
    return { type: 'members', memberList, present: contacts(wire.members.present, reader) };
  }
  check(wire.presence !== undefined, 'a discovery answer of an unknown type');
  check(wire.presence.arrived.length <= ARRIVED_PER_NOTICE_MAX, 'too many contacts in one notice');
  const arrived = contacts(wire.presence.arrived, reader);
  return { type: 'presence', epoch: checkedEpoch(wire.presence.epoch), arrived };
}

function openRegistered(wire: WireRegisterAnswer, reader: ContactReader): RegisteredAnswer {
  const { networkId, idSpace } = reader;
  const certificate = reader.certificate(wire.certificate);
  check(certificate.role === 'peer', 'a certificate that is not for a peer');
  const parameters = openParameters(wire.parameters);
  check(equalBytes(parameters.networkId, networkId), 'parameters of another network');
  check(parameters.parameters.idBits === idSpace.bits, 'parameters of another id width');
  const memberList = openMemberList(wire.memberList, networkId, idSpace);
  check(wire.seeds.length <= SEEDS_MAX, 'too many seeds');
  const seeds = contacts(wire.seeds, reader);
  // Views on the frame would keep the whole answer in memory.
  const signed: SignedAnswers = {
    certificate: new Uint8Array(wire.certificate),
    parameters: new Uint8Array(wire.parameters),
    memberList: new Uint8Array(wire.memberList),
  };
  return { certificate, memberList, seeds, signed };
}

function contacts(encoded: readonly Uint8Array[], reader: ContactReader): Contact[] {
  check(encoded.length <= CONTACTS_PER_MESSAGE_MAX, 'too many contacts in one message');
  return encoded.map((bytes) => reader.contact(bytes));
}

function checkedEpoch(epoch: number): number {
  check(Number.isSafeInteger(epoch) && epoch >= 0, 'an epoch out of range');
  return epoch;
}
