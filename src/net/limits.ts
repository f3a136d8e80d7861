/**
 * Every bound of the network layer in one place, with its reason. js-libp2p has no resource manager: memory is
 * connections × streams × what one stream may hold, so each factor is declared here. Several of libp2p's own
 * defaults lock honest peers out (5 new connections a second and address, 10 pending, 32 streams), which is why
 * they are all set by us. `checkLimits` holds the relations between them.
 */

import { assert } from '../base/assert.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

export type HostLimits = {
  /** Connections in both directions. A peer of a ring of thousands talks to some hundreds. */
  readonly connectionsMax: number;
  /** Inbound connections that have not finished their handshake, all addresses together. */
  readonly pendingInboundMax: number;
  /** The same from one address. Smaller, so that one address cannot fill the places of all others. */
  readonly pendingInboundPerAddressMax: number;
  /** New inbound connections per second and address. Many peers may live on one machine, so it is generous. */
  readonly inboundPerSecondMax: number;
  /** Time for an inbound handshake. Long enough for links that lose packets, since pending ones are capped per address. */
  readonly handshakeTimeoutMs: number;
  /** Time in which a new connection must show a hello that is accepted. Streams that came early wait this long. */
  readonly helloTimeoutMs: number;
  /** Time for agreeing on a stream's protocol. */
  readonly negotiationTimeoutMs: number;
  /** Streams per connection and direction, all protocols together. */
  readonly streamsPerConnectionMax: number;
  /** Inbound streams per connection and protocol where `handle` does not say otherwise: 64 operations in flight, twice. */
  readonly inboundStreamsPerProtocolMax: number;
  /** How long a stream whose handler has returned may linger until the other side closes it, too. */
  readonly lingerTimeoutMs: number;
};

export const DEFAULT_HOST_LIMITS: HostLimits = {
  connectionsMax: 1024,
  pendingInboundMax: 512,
  pendingInboundPerAddressMax: 128,
  inboundPerSecondMax: 1000,
  handshakeTimeoutMs: 5_000,
  helloTimeoutMs: 5_000,
  negotiationTimeoutMs: 5_000,
  streamsPerConnectionMax: 256,
  inboundStreamsPerProtocolMax: 128,
  lingerTimeoutMs: 5_000,
};

/** The window that every yamux stream starts with. The specification fixes it; other versions of a peer rely on it. */
export const INITIAL_WINDOW_BYTES = 256 * KIB;
/** What a sender may have under way on one stream: 10 Gbit/s at a round trip of 1.6 ms, 1 Gbit/s at 16 ms. */
export const WINDOW_BYTES_MAX = 2 * MIB;
/** What libp2p may hold for a paused stream, and for one that is still being negotiated. More aborts the stream. */
export const LIBP2P_READ_BUFFER_BYTES = 4 * WINDOW_BYTES_MAX;
/** Bytes waiting for a reader at which a stream is paused; it goes on at half of them. */
export const READ_QUEUE_HIGH_BYTES = 2 * MIB;
/** The same for a stream that waits for its connection's hello: a stranger gets hardly more than the initial window. */
export const EARLY_QUEUE_BYTES = 16 * KIB;
/** What the system's socket takes before libp2p is told to wait: several encrypted 64 KiB messages per round of events. */
export const SOCKET_WRITE_BUFFER_BYTES = 1 * MIB;

/** Payload of a hello frame. */
export const HELLO_BYTES_MAX = 16 * KIB;

export function checkLimits(limits: HostLimits): void {
  for (const [name, value] of Object.entries(limits)) assert(value > 0, `limit ${name} is ${String(value)}`);
  assert(limits.pendingInboundPerAddressMax < limits.pendingInboundMax, 'one address could take every pending place');
  assert(
    limits.inboundStreamsPerProtocolMax <= limits.streamsPerConnectionMax,
    'more streams per protocol than in all',
  );
}

assert(
  LIBP2P_READ_BUFFER_BYTES >= 2 * WINDOW_BYTES_MAX,
  'a paused stream would be aborted before its window is used up',
);
assert(INITIAL_WINDOW_BYTES <= WINDOW_BYTES_MAX, 'windows only grow');
