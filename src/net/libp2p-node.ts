/**
 * Puts libp2p together: TCP, Noise and yamux with our limits, and nothing else. No identify (our hello says more), no
 * connection monitor (it opens a stream to every peer every ten seconds; the overlay's heartbeats do that job), and no
 * log lines of libp2p's own, which cost time on each stream even when nobody sees them. They come back with DEBUG set.
 */

import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import type { ComponentLogger, ConnectionGater, Logger, PrivateKey } from '@libp2p/interface';
import { tcp, type TCPSocketOptions } from '@libp2p/tcp';
import { createLibp2p, type Libp2p } from 'libp2p';
import {
  INITIAL_WINDOW_BYTES,
  LIBP2P_READ_BUFFER_BYTES,
  SOCKET_WRITE_BUFFER_BYTES,
  WINDOW_BYTES_MAX,
  type HostLimits,
} from './limits.ts';
import { nodeNoiseCrypto } from './noise-crypto.ts';

export type NodeOptions = {
  readonly privateKey: PrivateKey;
  readonly listen: readonly string[];
  readonly limits: HostLimits;
  readonly gater: ConnectionGater;
};

function silence(): ComponentLogger {
  const silent: Logger = Object.assign(() => {}, {
    error() {},
    trace() {},
    enabled: false,
    newScope: (): Logger => silent,
  });
  return { forComponent: () => silent };
}

/** A node that has not started yet: whoever starts it has its handlers and listeners in place by then. */
export function createNode({ privateKey, listen, limits, gater }: NodeOptions): Promise<Libp2p> {
  // Node's own socket option, handed through by the transport although its type does not name it.
  const socket = { noDelay: true, keepAlive: true, highWaterMark: SOCKET_WRITE_BUFFER_BYTES } as TCPSocketOptions;
  return createLibp2p({
    start: false,
    privateKey,
    addresses: { listen: [...listen] },
    transports: [tcp({ dialOpts: socket, listenOpts: socket, backlog: limits.pendingInboundMax })],
    connectionEncrypters: [noise({ crypto: nodeNoiseCrypto })],
    streamMuxers: [
      yamux({
        maxInboundStreams: limits.streamsPerConnectionMax,
        maxOutboundStreams: limits.streamsPerConnectionMax,
        maxEarlyStreams: limits.streamsPerConnectionMax,
        streamOptions: {
          initialStreamWindowSize: INITIAL_WINDOW_BYTES,
          maxStreamWindowSize: WINDOW_BYTES_MAX,
          maxReadBufferLength: LIBP2P_READ_BUFFER_BYTES,
        },
      }),
    ],
    connectionGater: gater,
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: limits.connectionsMax,
      maxIncomingPendingConnections: limits.pendingInboundMax,
      inboundConnectionThreshold: limits.inboundPerSecondMax,
      inboundUpgradeTimeout: limits.handshakeTimeoutMs,
      inboundStreamProtocolNegotiationTimeout: limits.negotiationTimeoutMs,
      outboundStreamProtocolNegotiationTimeout: limits.negotiationTimeoutMs,
    },
    ...(process.env['DEBUG'] === undefined ? { logger: silence() } : {}),
  });
}
