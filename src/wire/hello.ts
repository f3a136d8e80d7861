/** The first exchange on every connection: which network, which role, and the certificate that proves it. */

import { check, decodeWith } from './decode.ts';
import { WireHello } from './generated/hello.ts';
import { ENVELOPE_BYTES_MAX, HELLO_BYTES_MAX, HASH_BYTES } from './limits.ts';
import { checkAddrs } from './contact.ts';

const WIRE_VERSION = 1;

export type Role = 'peer' | 'client' | 'discovery';

export type Hello = {
  /** Empty when the sender knows no network yet. */
  readonly networkId: Uint8Array;
  readonly role: Role;
  /** Empty when the sender has none. */
  readonly certificate: Uint8Array;
  readonly addrs: readonly string[];
  readonly agent: string;
  /** The signed parameters; empty when the sender knows none. */
  readonly parameters: Uint8Array;
};

export function encodeHello(hello: Hello): Uint8Array {
  return WireHello.encode({ ...hello, addrs: [...hello.addrs], version: WIRE_VERSION, features: [] });
}

/** @throws BadMessageError */
export function decodeHello(bytes: Uint8Array): Hello {
  const { version, networkId, role, certificate, addrs, agent, parameters } = decodeWith(
    WireHello,
    bytes,
    HELLO_BYTES_MAX,
    'hello',
  );
  check(
    version === WIRE_VERSION,
    `a hello of version ${String(version)}, where ${String(WIRE_VERSION)} is spoken here`,
  );
  check(networkId.length === 0 || networkId.length === HASH_BYTES, 'a network id is 32 bytes');
  check(
    role === 'peer' || role === 'client' || role === 'discovery',
    `a hello of the unknown role "${role.slice(0, 40)}"`,
  );
  check(
    certificate.length <= ENVELOPE_BYTES_MAX && parameters.length <= ENVELOPE_BYTES_MAX,
    'a hello with too large a certificate',
  );
  checkAddrs(addrs);
  return { networkId, role, certificate, addrs, agent: agent.slice(0, 64), parameters };
}
