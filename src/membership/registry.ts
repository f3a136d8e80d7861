/**
 * The discovery peer's knowledge of its members, as a pure state machine: `admit` and `leave` only say what would
 * change, the driver makes that durable, and `apply` takes it over. So nothing is ever answered that a crash could undo.
 *
 * It keeps true: no two members have one node id; a PeerId keeps its id until it leaves; serials strictly rise over
 * all certificates of the network; every change of the member list has an epoch of its own.
 *
 * Each admission issues a certificate with a new serial. That is what shows a peer whose directory was restored from
 * an old copy: it presents an older serial than the last one, and begins a new incarnation. So does one that presents
 * none; whether it lost its directory or merely our answer cannot be told, and a new incarnation costs only a catch-up.
 */

import { assert } from '../base/assert.ts';
import { NotPermittedError } from '../base/errors.ts';
import type { IdSpace, NodeId } from '../id/id-space.ts';
import type { Certificate } from './certificate.ts';
import type { Member, MemberList } from './member-list.ts';
import { freeNodeId } from './node-id-assignment.ts';

export const MEMBERS_MAX = 65_536;
/** How many that left are kept in the list, the latest ones. An unknown PeerId's certificate is void as well. */
export const LEFT_REMEMBERED_MAX = 4_096;
/** The width of an incarnation on the wire. */
const INCARNATION_MAX = 2 ** 32 - 1;

export type Registration = Member & {
  /** Of the latest certificate. */
  readonly serial: number;
};

export type RegistryState = {
  /** Of the latest member list. */
  readonly epoch: number;
  /** The highest serial that was ever issued. */
  readonly serial: number;
  readonly registrations: readonly Registration[];
};

export type RegistryChange = {
  readonly epoch: number;
  readonly serial: number;
  readonly put: Registration;
  /** PeerIds that left long ago and are dropped. */
  readonly forget: readonly string[];
};

export type AdmissionRequest = {
  readonly peerId: string;
  readonly wantedId?: NodeId | undefined;
  /** What the peer holds: a certificate of this network for this PeerId, its signature checked. */
  readonly presented?: Certificate | undefined;
  /** Whether a newcomer may have the id that it wants. */
  readonly chosenIdsAllowed: boolean;
};

export class Registry {
  readonly #space: IdSpace;
  readonly #registrations = new Map<string, Registration>();
  /** The ids of members, ascending. */
  readonly #taken: NodeId[] = [];
  #epoch: number;
  #serial: number;

  constructor(space: IdSpace, state: RegistryState) {
    this.#space = space;
    this.#epoch = state.epoch;
    this.#serial = state.serial;
    for (const registration of state.registrations) this.#put(registration);
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The highest serial that was ever issued. */
  get serial(): number {
    return this.#serial;
  }

  get memberCount(): number {
    return this.#taken.length;
  }

  /** The member of that PeerId; undefined when there is none or it left. */
  member(peerId: string): Registration | undefined {
    const registration = this.#registrations.get(peerId);
    return registration?.status === 'member' ? registration : undefined;
  }

  memberPeerIds(): string[] {
    return this.#sorted()
      .filter(({ status }) => status === 'member')
      .map(({ peerId }) => peerId);
  }

  memberList(networkId: Uint8Array): MemberList {
    const members = this.#sorted().map(({ nodeId, peerId, incarnation, status }): Member => ({
      nodeId,
      peerId,
      incarnation,
      status,
    }));
    return { networkId, epoch: this.#epoch, members };
  }

  /**
   * What admitting a peer changes: for one that is a member already its serial and perhaps its incarnation.
   *
   * @throws NotPermittedError when the id it wants is taken or not to be chosen, or there is no place left
   */
  admit(request: AdmissionRequest): RegistryChange {
    const { peerId, wantedId, presented } = request;
    const known = this.#registrations.get(peerId);
    // A presented serial above all that were issued here: this registry is an old copy, and steps over it.
    const serial = Math.max(this.#serial, presented?.serial ?? 0) + 1;
    assert(Number.isSafeInteger(serial), 'serials are used up');

    if (known?.status === 'member') {
      if (wantedId !== undefined && wantedId !== known.nodeId) throw this.#hasAnotherId(known, wantedId);
      const sameLife = presented?.serial === known.serial;
      const incarnation = sameLife ? known.incarnation : nextIncarnation(known, presented);
      const epoch = sameLife ? this.#epoch : this.#epoch + 1;
      return { epoch, serial, put: { ...known, incarnation, serial }, forget: [] };
    }
    if (this.#taken.length >= MEMBERS_MAX) {
      throw new NotPermittedError(`the network is full: it has ${String(MEMBERS_MAX)} members`);
    }
    const nodeId = this.#idForNewcomer(request, known);
    const incarnation = known === undefined && presented === undefined ? 1 : nextIncarnation(known, presented);
    return {
      epoch: this.#epoch + 1,
      serial,
      put: { nodeId, peerId, incarnation, status: 'member', serial },
      forget: [],
    };
  }

  /**
   * What it changes when a member leaves for good. Undefined when it has left already: asking twice is no mistake.
   *
   * @throws NotPermittedError when it never was a member
   */
  leave(peerId: string): RegistryChange | undefined {
    const known = this.#registrations.get(peerId);
    if (known === undefined) throw new NotPermittedError(`${peerId} is not a member of this network`);
    if (known.status === 'left') return undefined;
    return {
      epoch: this.#epoch + 1,
      serial: this.#serial,
      put: { ...known, status: 'left' },
      forget: this.#leftTooMany(),
    };
  }

  /** Takes over a change that is durable. Changes apply in the order in which they were made, one at a time. */
  apply(change: RegistryChange): void {
    assert(change.epoch >= this.#epoch && change.serial >= this.#serial, 'a change that is older than the registry');
    this.#put(change.put);
    for (const peerId of change.forget) this.#registrations.delete(peerId);
    this.#epoch = change.epoch;
    this.#serial = change.serial;
  }

  #idForNewcomer(request: AdmissionRequest, known: Registration | undefined): NodeId {
    const { wantedId, presented, chosenIdsAllowed } = request;
    const certified = known === undefined ? presented?.nodeId : undefined;
    if (wantedId !== undefined && wantedId !== certified && !chosenIdsAllowed) {
      throw new NotPermittedError(
        'this network gives out node ids itself; start its discovery peer with --allow-chosen-ids to let peers choose',
      );
    }
    if (wantedId !== undefined) {
      if (this.#isTaken(wantedId)) {
        throw new NotPermittedError(`the node id ${this.#space.format(wantedId)} is taken; choose another one`);
      }
      return wantedId;
    }
    // This network certified that id, but the registry does not know: it is an old copy. The peer keeps its place.
    if (certified !== undefined && !this.#isTaken(certified)) return certified;
    return freeNodeId(this.#space, this.#taken);
  }

  #hasAnotherId(known: Registration, wantedId: NodeId): NotPermittedError {
    const [has, wants] = [this.#space.format(known.nodeId), this.#space.format(wantedId)];
    return new NotPermittedError(
      `this peer has the node id ${has} and cannot have ${wants} as well; it may leave first`,
    );
  }

  #sorted(): Registration[] {
    return [...this.#registrations.values()].sort(
      (a, b) => a.nodeId - b.nodeId || (a.peerId < b.peerId ? -1 : a.peerId > b.peerId ? 1 : 0),
    );
  }

  #leftTooMany(): string[] {
    const leftCount = this.#registrations.size - this.#taken.length;
    if (leftCount < LEFT_REMEMBERED_MAX) return [];
    const left = [...this.#registrations.values()].filter(({ status }) => status === 'left');
    left.sort((a, b) => a.serial - b.serial);
    return left.slice(0, leftCount - LEFT_REMEMBERED_MAX + 1).map(({ peerId }) => peerId);
  }

  #put(registration: Registration): void {
    const before = this.#registrations.get(registration.peerId);
    if (before?.status === 'member') this.#taken.splice(this.#placeOf(before.nodeId), 1);
    if (registration.status === 'member') {
      assert(!this.#isTaken(registration.nodeId), 'two members with one node id');
      this.#taken.splice(this.#placeOf(registration.nodeId), 0, registration.nodeId);
    }
    this.#registrations.set(registration.peerId, registration);
  }

  #isTaken(nodeId: NodeId): boolean {
    return this.#taken[this.#placeOf(nodeId)] === nodeId;
  }

  /** Where an id stands, or would stand, among those taken. */
  #placeOf(nodeId: NodeId): number {
    let low = 0;
    let high = this.#taken.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#taken[middle] ?? Infinity) < nodeId) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function nextIncarnation(known: Registration | undefined, presented: Certificate | undefined): number {
  const next = Math.max(known?.incarnation ?? 0, presented?.incarnation ?? 0) + 1;
  assert(next <= INCARNATION_MAX, 'incarnations are used up');
  return next;
}
