/**
 * The hello of peers and clients, and how they judge the hellos of others. This is where a host learns its network: on
 * first contact from a discovery peer whose parameters and certificate one and the same key has signed; from then on only
 * that network will do. So two networks on one LAN do not mix, and a false discovery peer is refused by whoever knows
 * the true one.
 *
 * A peer must show a certificate for the PeerId that its connection proves, a discovery peer one with that role, a client
 * none. Until a peer holds a certificate of its own it talks to the discovery peer only.
 */

import { equalBytes } from '../base/bytes.ts';
import { HelloRefusedError, NetworkChangedError, NotReadyError } from '../base/errors.ts';
import type { Contact } from '../id/contact.ts';
import { IdSpace } from '../id/id-space.ts';
import type { Certificate } from '../membership/certificate.ts';
import { memberVoids, type Member, type MemberList } from '../membership/member-list.ts';
import type { NetworkParameters } from '../membership/network-parameters.ts';
import type { HelloPolicy } from '../net/hello.ts';
import type { RemoteIdentity } from '../net/link.ts';
import { ContactReader } from '../wire/contact.ts';
import { decodeHello, encodeHello, type Hello } from '../wire/hello.ts';
import { ADDRS_PER_CONTACT_MAX } from '../wire/limits.ts';
import { formatNetworkId, openParameters } from '../wire/membership.ts';

export const AGENT = 'p2p-file-store';
const NOTHING = new Uint8Array(0);

/** What a peer or client keeps of its network. */
export type KnownNetwork = {
  readonly networkId: Uint8Array;
  readonly parameters: NetworkParameters;
  /** The signed bytes: the form in which it is kept. */
  readonly parametersEnvelope: Uint8Array;
};

export type NetworkPolicyOptions = {
  readonly role: 'peer' | 'client';
  /** As remembered from the first contact; undefined: whichever network the first discovery peer shows. */
  readonly network?: KnownNetwork | undefined;
  /** Of a peer that registered before: the envelope. */
  readonly certificate?: Uint8Array | undefined;
  /** Where this host listens. */
  readonly addrs: () => readonly string[];
};

/** The network that kept parameters are of. @throws BadMessageError */
export function recallNetwork(parametersEnvelope: Uint8Array): KnownNetwork {
  return { ...openParameters(parametersEnvelope), parametersEnvelope: new Uint8Array(parametersEnvelope) };
}

const FOREIGN_NETWORK = /this host is of the network ([0-9a-f]{16}), not of ([0-9a-f]{16})/;

/** What a host says to one of another network. Refusals travel as text, so `foreignNetworkIn` reads it back. */
export function foreignNetwork(own: Uint8Array, theirs: Uint8Array): string {
  return `this host is of the network ${formatNetworkId(own)}, not of ${formatNetworkId(theirs)}`;
}

/** The network that the author of such a text is of. */
export function foreignNetworkIn(text: string): string | undefined {
  return FOREIGN_NETWORK.exec(text)?.[1];
}

export class NetworkPolicy implements HelloPolicy {
  readonly #role: 'peer' | 'client';
  readonly #addrs: () => readonly string[];
  #network: KnownNetwork | undefined;
  #reader: ContactReader | undefined;
  #certificate: Uint8Array;
  /** What the latest member list says, by PeerId. */
  #members: ReadonlyMap<string, Member> = new Map();
  #epoch = 0;

  constructor(options: NetworkPolicyOptions) {
    this.#role = options.role;
    this.#addrs = options.addrs;
    this.#certificate = options.certificate ?? NOTHING;
    if (options.network !== undefined) this.#join(options.network);
  }

  /** Undefined until the first contact. */
  get network(): KnownNetwork | undefined {
    return this.#network;
  }

  /** Reads the contacts and certificates of the network. @throws NotReadyError before the first contact */
  get reader(): ContactReader {
    if (this.#reader === undefined) throw new NotReadyError('no network is known yet; ask a discovery peer first');
    return this.#reader;
  }

  /** This peer's certificate; empty until it is registered. */
  get certificate(): Uint8Array {
    return this.#certificate;
  }

  /** From now on this peer is a member: it shows this certificate, and talks to others. */
  holdCertificate(envelope: Uint8Array): void {
    this.#certificate = envelope;
  }

  /** From now on certificates that this list makes void are refused. An older list than the last one is ignored. */
  noteMembers(list: MemberList): void {
    if (list.epoch < this.#epoch) return;
    this.#epoch = list.epoch;
    this.#members = new Map(list.members.map((member) => [member.peerId, member]));
  }

  /** Of the latest member list that was noted; 0 before the first. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Whether the latest member list makes a peer's certificate void. */
  voids(contact: Contact): boolean {
    const member = this.#members.get(contact.peerId);
    return member !== undefined && memberVoids(member, this.reader.certificate(contact.certificate));
  }

  greeting(): Uint8Array {
    return encodeHello({
      networkId: this.#network?.networkId ?? NOTHING,
      role: this.#role,
      certificate: this.#certificate,
      addrs: this.#addrs().slice(0, ADDRS_PER_CONTACT_MAX),
      agent: AGENT,
      parameters: NOTHING,
    });
  }

  /** @throws HelloRefusedError, NetworkChangedError when a discovery peer shows another network, BadMessageError */
  judge(remotePeerId: string, bytes: Uint8Array): RemoteIdentity {
    const hello = decodeHello(bytes);
    if (hello.role === 'discovery') {
      this.#judgeDiscovery(remotePeerId, hello);
      return { peerId: remotePeerId, role: 'discovery' };
    }
    if (this.#network === undefined) throw new HelloRefusedError('this host knows no network yet');
    const { networkId } = this.#network;
    if (hello.networkId.length === 0) {
      throw new HelloRefusedError(`this host is of the network ${formatNetworkId(networkId)}; the hello names none`);
    }
    if (!equalBytes(hello.networkId, networkId))
      throw new HelloRefusedError(foreignNetwork(networkId, hello.networkId));
    if (this.#role === 'peer' && this.#certificate.length === 0) {
      throw new HelloRefusedError('this peer is not registered yet');
    }
    return hello.role === 'client' ? judgeClient(remotePeerId, hello) : this.#judgePeer(remotePeerId, hello);
  }

  #judgePeer(remotePeerId: string, hello: Hello): RemoteIdentity {
    if (hello.certificate.length === 0) throw new HelloRefusedError('a peer without a certificate');
    const contact = this.reader.contactOf(hello.certificate, hello.addrs);
    checkHolder(contact, remotePeerId);
    if (this.voids(contact)) {
      throw new HelloRefusedError(`the certificate of ${remotePeerId} is void: it left, or holds a later one`);
    }
    return { peerId: remotePeerId, role: 'peer', contact };
  }

  #judgeDiscovery(remotePeerId: string, hello: Hello): void {
    const known = this.#network;
    if (known !== undefined && !equalBytes(hello.networkId, known.networkId)) {
      throw networkChanged(formatNetworkId(hello.networkId), known.networkId);
    }
    const network = known ?? recallNetwork(hello.parameters);
    if (!equalBytes(hello.networkId, network.networkId)) {
      throw new HelloRefusedError('a discovery peer whose parameters are of another network than it says');
    }
    const reader = this.#reader ?? readerOf(network);
    const certificate = reader.certificate(hello.certificate);
    checkHolder(certificate, remotePeerId);
    if (certificate.role !== 'discovery') throw new HelloRefusedError('a discovery peer without a certificate as one');
    if (this.#network === undefined) this.#join(network);
    // Two first contacts may have been under way at once; the first one counts.
    else if (!equalBytes(this.#network.networkId, network.networkId)) {
      throw networkChanged(formatNetworkId(network.networkId), this.#network.networkId);
    }
  }

  #join(network: KnownNetwork): void {
    this.#network = network;
    this.#reader = readerOf(network);
  }
}

/** @param found the other network's id, as people see it */
export function networkChanged(found: string, known: Uint8Array): NetworkChangedError {
  return new NetworkChangedError(
    `the discovery peer is of the network ${found}, but the one known here is ${formatNetworkId(known)}; give the ` +
      'address of a discovery peer of the known network, or join the other one with a fresh directory',
  );
}

function readerOf(network: KnownNetwork): ContactReader {
  return new ContactReader(network.networkId, new IdSpace(network.parameters.idBits));
}

function judgeClient(remotePeerId: string, hello: Hello): RemoteIdentity {
  if (hello.certificate.length > 0) throw new HelloRefusedError('a client with a certificate');
  return { peerId: remotePeerId, role: 'client' };
}

function checkHolder(certificate: Pick<Certificate, 'peerId'>, remotePeerId: string): void {
  if (certificate.peerId === remotePeerId) return;
  throw new HelloRefusedError(`the certificate shown is ${certificate.peerId}'s, not that of ${remotePeerId}`);
}
