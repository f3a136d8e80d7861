/**
 * Drives the registry: decides a change, makes it durable together with the signed certificate, applies it, and only
 * then answers. One change at a time, in the order of asking. When one could not be written its outcome on disk is
 * unknown, so nothing is admitted any more until a restart has read what is there.
 */

import type { PrivateKey } from '@libp2p/interface';
import { BusyError, NotPermittedError, StorageUnusableError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Contact } from '../id/contact.ts';
import type { Certificate } from '../membership/certificate.ts';
import { Registry, type Registration } from '../membership/registry.ts';
import { bareAddrs, type ContactReader } from '../wire/contact.ts';
import type { RegisterRequest } from '../wire/discovery.ts';
import { signCertificate, signMemberList } from '../wire/membership.ts';
import type { LoadedRegistry, MemberPapers, RegistryFile } from './registry-file.ts';

/** Changes that wait for their turn. One takes a few milliseconds, so the last in line waits seconds. */
const CHANGES_WAITING_MAX = 1024;

export type AdmissionOptions = {
  readonly networkKey: PrivateKey;
  readonly reader: ContactReader;
  readonly loaded: LoadedRegistry;
  readonly file: RegistryFile;
  readonly chosenIdsAllowed: boolean;
  readonly log: Log;
};

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #registry: Registry;
  readonly #papers: Map<string, MemberPapers>;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #broken: StorageUnusableError | undefined;
  #list: { readonly epoch: number; readonly bytes: Uint8Array } | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#registry = new Registry(options.reader.idSpace, options.loaded.state);
    this.#papers = new Map(options.loaded.papers);
  }

  get epoch(): number {
    return this.#registry.epoch;
  }

  get memberCount(): number {
    return this.#registry.memberCount;
  }

  member(peerId: string): Registration | undefined {
    return this.#registry.member(peerId);
  }

  memberPeerIds(): string[] {
    return this.#registry.memberPeerIds();
  }

  /** A member's contact, with the addresses last known. */
  contact(peerId: string): Contact | undefined {
    const member = this.#registry.member(peerId);
    const papers = this.#papers.get(peerId);
    if (member === undefined || papers === undefined) return undefined;
    const { nodeId, serial } = member;
    return { nodeId, peerId, serial, addrs: papers.addrs, certificate: papers.certificate };
  }

  /** The signed list of the present epoch. Signed once per epoch. */
  memberList(): Uint8Array {
    const { networkKey, reader } = this.#options;
    const { epoch } = this.#registry;
    if (this.#list?.epoch !== epoch) {
      this.#list = { epoch, bytes: signMemberList(networkKey, this.#registry.memberList(reader.networkId)) };
    }
    return this.#list.bytes;
  }

  /**
   * Admits a peer, or renews the certificate of a member. Durable when it resolves.
   *
   * @throws NotPermittedError, BadMessageError when the certificate that it holds is not of this network, BusyError,
   *   StorageUnusableError
   */
  async register(peerId: string, request: RegisterRequest): Promise<Contact> {
    const presented = this.#presented(peerId, request.certificate);
    return this.#inTurn(async () => {
      const { networkKey, reader, file, chosenIdsAllowed, log } = this.#options;
      const wasMember = this.#registry.member(peerId) !== undefined;
      const change = this.#registry.admit({ peerId, wantedId: request.wantedId, presented, chosenIdsAllowed });
      const { nodeId, incarnation, serial } = change.put;
      const { networkId } = reader;
      const certificate = signCertificate(networkKey, {
        networkId,
        role: 'peer',
        peerId,
        nodeId,
        incarnation,
        serial,
      });
      const papers = { certificate, addrs: bareAddrs(request.addrs) };
      await this.#durably(file.save(change, papers));
      this.#registry.apply(change);
      this.#papers.set(peerId, papers);
      const event = wasMember ? 'member renewed' : 'member admitted';
      log.info(event, { peerId, nodeId: reader.idSpace.format(nodeId), incarnation, serial, epoch: change.epoch });
      return { nodeId, peerId, serial, ...papers };
    });
  }

  /** Frees a member's id for good. Durable when it resolves. @throws NotPermittedError, BusyError, StorageUnusableError */
  leave(peerId: string): Promise<void> {
    return this.#inTurn(async () => {
      const change = this.#registry.leave(peerId);
      const papers = this.#papers.get(peerId);
      if (change === undefined || papers === undefined) return;
      await this.#durably(this.#options.file.save(change, papers));
      this.#registry.apply(change);
      for (const forgotten of change.forget) this.#papers.delete(forgotten);
      this.#options.log.info('member left', { peerId, epoch: change.epoch });
    });
  }

  /** Remembers where a member listens now. */
  async noteAddrs(peerId: string, addrs: readonly string[]): Promise<void> {
    const papers = this.#papers.get(peerId);
    const bare = bareAddrs(addrs);
    if (papers === undefined || papers.addrs.join() === bare.join()) return;
    this.#papers.set(peerId, { ...papers, addrs: bare });
    try {
      await this.#options.file.saveAddrs(peerId, bare);
    } catch (error) {
      if (!(error instanceof StorageUnusableError)) throw error;
      // The peer is present all the same; only after a restart nobody knows where it was.
      this.#options.log.warn('an address was not written', { code: error.code, message: error.message, peerId });
    }
  }

  /** Resolves when every change that was begun is over. */
  async settled(): Promise<void> {
    await this.#tail;
  }

  #presented(peerId: string, bytes: Uint8Array): Certificate | undefined {
    if (bytes.length === 0) return undefined;
    const certificate = this.#options.reader.certificate(bytes);
    if (certificate.peerId !== peerId || certificate.role !== 'peer') {
      throw new NotPermittedError(`the certificate shown is ${certificate.peerId}'s, not that of ${peerId}`);
    }
    return certificate;
  }

  async #durably(saving: Promise<void>): Promise<void> {
    try {
      await saving;
    } catch (error) {
      const text = 'the registry could not be written; nobody is admitted until the discovery peer was restarted';
      this.#broken = new StorageUnusableError(text, error);
      this.#options.log.error(text, { code: this.#broken.code });
      throw this.#broken;
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= CHANGES_WAITING_MAX) throw new BusyError('too many peers register at once; try again shortly');
    this.#waiting++;
    const turn = this.#tail.then(() => {
      if (this.#broken !== undefined) throw this.#broken;
      return work();
    });
    this.#tail = turn.catch(() => {}); // Whoever asked gets the error; the next in line goes on.
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }
}
