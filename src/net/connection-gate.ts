/**
 * What is done with each connection as libp2p makes it. Counts, per remote address, the inbound connections whose handshake is not done, and refuses more than the limit:
 * libp2p has one limit for all addresses together, which a single address with silent sockets would fill. And turns
 * on batched writes once the handshake is done.
 */

import type { ConnectionGater, MultiaddrConnection } from '@libp2p/interface';
import type { Log } from '../base/log.ts';
import { batchWrites } from './socket-batching.ts';

export class ConnectionGate implements ConnectionGater {
  readonly #perAddressMax: number;
  readonly #log: Log;
  readonly #pending = new Map<string, number>();
  readonly #open = new WeakMap<MultiaddrConnection, () => void>();

  constructor(perAddressMax: number, log: Log) {
    this.#perAddressMax = perAddressMax;
    this.#log = log;
  }

  denyInboundConnection = (connection: MultiaddrConnection): boolean => {
    const address = hostOf(connection);
    const count = this.#pending.get(address) ?? 0;
    if (count >= this.#perAddressMax) {
      this.#log.warn('too many handshakes at once from one address', { code: 'BUSY', address });
      return true;
    }
    this.#pending.set(address, count + 1);
    let over = false;
    const done = () => {
      if (over) return;
      over = true;
      const left = (this.#pending.get(address) ?? 1) - 1;
      if (left > 0) this.#pending.set(address, left);
      else this.#pending.delete(address);
    };
    this.#open.set(connection, done);
    connection.addEventListener('close', () => {
      if (!over) this.#log.warn('a handshake failed', { code: 'NO_HELLO', address });
      done();
    });
    return false;
  };

  denyInboundEncryptedConnection = (_peerId: unknown, connection: MultiaddrConnection): boolean => {
    this.#open.get(connection)?.();
    batchWrites(connection);
    return false;
  };

  denyOutboundEncryptedConnection = (_peerId: unknown, connection: MultiaddrConnection): boolean => {
    batchWrites(connection);
    return false;
  };
}

function hostOf(connection: MultiaddrConnection): string {
  return connection.remoteAddr.getComponents()[0]?.value ?? 'unknown';
}
