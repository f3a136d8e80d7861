/**
 * Contacts on the wire: a certificate and addresses. Node id and PeerId are read from the certificate, never from
 * a field beside it, so a message cannot claim a place on the ring for anybody. Checked certificates are remembered
 * by their bytes, because the same few hundred come in again and again.
 */

import { multiaddr } from '@multiformats/multiaddr';
import type { Contact } from '../id/contact.ts';
import type { IdSpace } from '../id/id-space.ts';
import type { Certificate } from '../membership/certificate.ts';
import { check, decodeWith } from './decode.ts';
import { WireContact } from './generated/contact.ts';
import { ADDR_BYTES_MAX, ADDRS_PER_CONTACT_MAX, CONTACT_BYTES_MAX } from './limits.ts';
import { openCertificate } from './membership.ts';

const REMEMBERED_MAX = 4096;

/** Contacts never change, and the same few go out again and again. */
const encodings = new WeakMap<Contact, Uint8Array>();

/** Addresses that make a contact too large are left out, the last ones first. */
export function encodeContact(contact: Contact): Uint8Array {
  const present = encodings.get(contact);
  if (present !== undefined) return present;
  const addrs = contact.addrs.slice(0, ADDRS_PER_CONTACT_MAX);
  for (;;) {
    const encoded = WireContact.encode({ certificate: contact.certificate, addrs });
    if (encoded.length <= CONTACT_BYTES_MAX || addrs.pop() === undefined) {
      encodings.set(contact, encoded);
      return encoded;
    }
  }
}

/** Addresses as a contact has them: without the PeerId at the end, which stands in the certificate. */
export function bareAddrs(addrs: readonly string[]): string[] {
  return addrs.map((addr) => addr.replace(/\/p2p\/[^/]+$/, ''));
}

/** @throws BadMessageError when one is not a multiaddr, or there are too many */
export function checkAddrs(addrs: readonly string[]): void {
  check(addrs.length <= ADDRS_PER_CONTACT_MAX, 'too many addresses for one contact');
  for (const addr of addrs) {
    check(addr.length <= ADDR_BYTES_MAX, 'an address is too long');
    let valid = true;
    try {
      multiaddr(addr);
    } catch {
      valid = false;
    }
    check(valid && addr.length > 1, 'an address is not a multiaddr');
  }
}

/** What was made of the same bytes before; the oldest goes first. */
class Remembered<T> {
  readonly #byBytes = new Map<string, T>();

  get(bytes: Uint8Array, make: () => T): T {
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const present = this.#byBytes.get(key);
    if (present !== undefined) return present;
    const made = make();
    const oldest = this.#byBytes.keys().next();
    if (this.#byBytes.size >= REMEMBERED_MAX && oldest.done !== true) this.#byBytes.delete(oldest.value);
    this.#byBytes.set(key, made);
    return made;
  }
}

/** Checks the certificates of one network. */
export class ContactReader {
  readonly networkId: Uint8Array;
  readonly idSpace: IdSpace;
  readonly #certificates = new Remembered<Certificate>();
  readonly #contacts = new Remembered<Contact>();

  constructor(networkId: Uint8Array, idSpace: IdSpace) {
    this.networkId = networkId;
    this.idSpace = idSpace;
  }

  /** @throws BadMessageError when it is not a certificate of this network */
  certificate(bytes: Uint8Array): Certificate {
    return this.#certificates.get(bytes, () => openCertificate(bytes, this.networkId, this.idSpace));
  }

  /** @throws BadMessageError when it is no contact of a peer of this network */
  contact(bytes: Uint8Array): Contact {
    return this.#contacts.get(bytes, () => {
      const wire = decodeWith(WireContact, bytes, CONTACT_BYTES_MAX, 'contact');
      return this.contactOf(wire.certificate, wire.addrs);
    });
  }

  /** @throws BadMessageError */
  contactOf(certificateBytes: Uint8Array, addrs: readonly string[]): Contact {
    checkAddrs(addrs);
    const certificate = this.certificate(certificateBytes);
    check(certificate.role === 'peer', 'a contact that is not a peer');
    // A view on a frame would keep all of the frame in memory for as long as the contact lives.
    const ownBytes = new Uint8Array(certificateBytes);
    const { nodeId, peerId, serial } = certificate;
    return { nodeId, peerId, serial, addrs: bareAddrs(addrs), certificate: ownBytes };
  }
}
