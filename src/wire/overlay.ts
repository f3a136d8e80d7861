/**
 * Overlay messages as bytes. What comes in is checked here once, certificates included, so that the overlay core never
 * sees an id out of range, a list that is too long, or a contact that nobody signed.
 */

import type { Contact } from '../id/contact.ts';
import type { Position } from '../id/id-space.ts';
import type { KeyInterval } from '../id/interval.ts';
import {
  CONTACTS_MAX,
  DEAD_MAX,
  INTERVALS_MAX,
  PATH_MAX,
  REQUEST_IDS,
  ROWS_MAX,
  type Death,
  type OverlayMessage,
} from '../overlay/messages.ts';
import { encodeContact, type ContactReader } from './contact.ts';
import { check, decodeWith } from './decode.ts';
import { WireOverlayMessage, type WireDeath } from './generated/overlay.ts';
import { OVERLAY_FRAME_BYTES_MAX } from './limits.ts';

/** What the schema's field holds, microseconds. */
const ROUND_TRIP_US_MAX = 2 ** 32 - 1;

export const OVERLAY_PROTOCOL = '/p2p-file-store/overlay/1.0.0';

export function encodeOverlayMessage(message: OverlayMessage): Uint8Array {
  return WireOverlayMessage.encode(toWire(message));
}

function toWire(message: OverlayMessage): WireOverlayMessage {
  switch (message.type) {
    case 'ack': {
      const { messageId, hint } = message;
      return { ack: hint === undefined ? { messageId } : { messageId, hint: encodeContact(hint) } };
    }
    case 'lookup':
      return { lookup: { ...message, origin: encodeContact(message.origin), path: [...message.path] } };
    case 'found': {
      const { path, intervals, replicaSet } = message;
      const lists = { path: [...path], intervals: [...intervals], replicaSet: replicaSet.map(encodeContact) };
      return { found: { ...message, ...lists } };
    }
    case 'join':
      return { join: { ...message, joiner: encodeContact(message.joiner) } };
    case 'contacts':
      return {
        contacts: {
          ...message,
          contacts: message.contacts.map(encodeContact),
          roundTrips: message.roundTripsMs.map(microseconds),
        },
      };
    case 'row-request':
      return { rowRequest: message };
    case 'probe':
      return { probe: leafSetToWire(message) };
    case 'probe-reply':
      return { probeReply: { ...leafSetToWire(message), holderRoundTrip: microseconds(message.holderMs) } };
    case 'heartbeat':
      return { heartbeat: message };
    case 'failure':
      return { failure: leafSetToWire(message) };
    case 'goodbye':
      return { goodbye: { ...message, contacts: message.contacts.map(encodeContact) } };
  }
}

function microseconds(ms: number): number {
  return Math.min(Math.round(ms * 1_000), ROUND_TRIP_US_MAX);
}

function leafSetToWire<T extends { contacts: readonly Contact[]; dead: readonly Death[] }>(message: T) {
  const dead = message.dead.map(({ nodeId, agoMs }) => ({ nodeId, agoMs: Math.round(agoMs) }));
  return { ...message, contacts: message.contacts.map(encodeContact), dead };
}

/** @throws BadMessageError naming what is wrong */
export function decodeOverlayMessage(bytes: Uint8Array, reader: ContactReader): OverlayMessage {
  const wire = decodeWith(WireOverlayMessage, bytes, OVERLAY_FRAME_BYTES_MAX, 'overlay message');
  if (wire.ack !== undefined) {
    const { messageId: id, hint } = wire.ack;
    return { type: 'ack', messageId: messageId(id), ...(hint !== undefined && { hint: reader.contact(hint) }) };
  }
  if (wire.heartbeat !== undefined) return { type: 'heartbeat', active: wire.heartbeat.active };
  if (wire.lookup !== undefined || wire.found !== undefined || wire.join !== undefined) return routed(wire, reader);
  if (wire.contacts !== undefined) {
    const { requestId: id, last, contacts, roundTrips } = wire.contacts;
    check(id < REQUEST_IDS, 'a request id is out of range');
    check(roundTrips.length === 0 || roundTrips.length === contacts.length, 'a row has contacts without round trips');
    return {
      type: 'contacts',
      requestId: id,
      last,
      contacts: contactsOf(contacts, reader),
      roundTripsMs: roundTrips.map((us) => us / 1_000),
    };
  }
  if (wire.rowRequest !== undefined) {
    const { requestId: id, row } = wire.rowRequest;
    check(row < ROWS_MAX, 'a row is out of range');
    return { type: 'row-request', requestId: requestId(id), row };
  }
  if (wire.probe !== undefined) {
    const { messageId: id, exchange, active, nearer } = wire.probe;
    return { type: 'probe', messageId: messageId(id), exchange, active, nearer, ...leafSetOf(wire.probe, reader) };
  }
  if (wire.probeReply !== undefined) {
    const { messageId: id, replyId, exchange, active, holderRoundTrip } = wire.probeReply;
    const leafSet = leafSetOf(wire.probeReply, reader);
    const holderMs = holderRoundTrip / 1_000;
    return { type: 'probe-reply', messageId: messageId(id), replyId, exchange, active, holderMs, ...leafSet };
  }
  if (wire.failure !== undefined) return { type: 'failure', ...leafSetOf(wire.failure, reader) };
  check(wire.goodbye !== undefined, 'an overlay message of an unknown kind');
  const { forGood, contacts } = wire.goodbye;
  return { type: 'goodbye', forGood, contacts: contactsOf(contacts, reader) };
}

/** The three that travel over several hops. */
function routed(wire: WireOverlayMessage, reader: ContactReader): OverlayMessage {
  if (wire.lookup !== undefined) {
    const { messageId: id, requestId: request, key, origin, path } = wire.lookup;
    return {
      type: 'lookup',
      messageId: messageId(id),
      requestId: requestId(request),
      key: position(key, reader),
      origin: reader.contact(origin),
      path: pathOf(path, reader),
    };
  }
  if (wire.found !== undefined) {
    const { messageId: id, requestId: request, key, replicaSet, path, intervals } = wire.found;
    return {
      type: 'found',
      messageId: messageId(id),
      requestId: requestId(request),
      key: position(key, reader),
      replicaSet: contactsOf(replicaSet, reader),
      path: pathOf(path, reader),
      intervals: intervalsOf(intervals, reader),
    };
  }
  check(wire.join !== undefined, 'an overlay message of an unknown kind');
  const { messageId: id, requestId: request, joiner, rowsSupplied, hops } = wire.join;
  check(rowsSupplied <= ROWS_MAX && hops <= PATH_MAX, 'a join is out of range');
  return {
    type: 'join',
    messageId: messageId(id),
    requestId: requestId(request),
    joiner: reader.contact(joiner),
    rowsSupplied,
    hops,
  };
}

function messageId(value: number): number {
  check(value >= 1, 'a message id is 0');
  return value;
}

function requestId(value: number): number {
  check(value >= 1 && value < REQUEST_IDS, 'a request id is out of range');
  return value;
}

function position(value: number, reader: ContactReader): Position {
  check(reader.idSpace.contains(value), 'a position is out of range');
  return value;
}

function pathOf(values: readonly number[], reader: ContactReader): Position[] {
  check(values.length >= 1 && values.length <= PATH_MAX, 'a path is empty or too long');
  return values.map((value) => position(value, reader));
}

function intervalsOf(values: readonly { from: number; to: number }[], reader: ContactReader): KeyInterval[] {
  check(values.length <= INTERVALS_MAX, 'too many intervals');
  return values.map(({ from, to }) => ({ from: position(from, reader), to: position(to, reader) }));
}

function leafSetOf(
  { contacts, dead }: { contacts: readonly Uint8Array[]; dead: readonly WireDeath[] },
  reader: ContactReader,
): { contacts: Contact[]; dead: Death[] } {
  check(dead.length <= DEAD_MAX, 'too many dead in one message');
  return {
    contacts: contactsOf(contacts, reader),
    dead: dead.map(({ nodeId, agoMs }) => ({ nodeId: position(nodeId, reader), agoMs })),
  };
}

function contactsOf(values: readonly Uint8Array[], reader: ContactReader): Contact[] {
  check(values.length <= CONTACTS_MAX, 'too many contacts in one message');
  return values.map((value) => reader.contact(value));
}
