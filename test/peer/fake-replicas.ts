/** Replicas that behave as a test says, at the other end of a root's streams to them; what is said to them is decoded. */

import { StreamClosedError, UnreachableError, type StoreError } from '../../src/base/errors.ts';
import type { Contact } from '../../src/id/contact.ts';
import type { DialTarget } from '../../src/net/dial-target.ts';
import type { StreamPool } from '../../src/net/stream-pool.ts';
import {
  decodeReplicaRequest,
  decodeVerdict,
  encodeReplicaAnswer,
  type ReplicaAnswer,
} from '../../src/wire/replica.ts';
import type { TestNetwork } from '../wire/signing.ts';

/** How a replica behaves: what it cannot do, and where its link breaks. */
export type Behaviour = {
  readonly unreachable?: boolean;
  readonly stage?: StoreError;
  readonly commit?: StoreError;
  /** It goes away when it is told to commit. */
  readonly diesAtVerdict?: boolean;
};

/** A replica at the other end of a chain of its own. */
export class FakeReplica {
  readonly received: Uint8Array[] = [];
  committed = false;
  readonly contact: Contact;
  readonly behaviour: Behaviour;

  constructor(contact: Contact, behaviour: Behaviour) {
    this.contact = contact;
    this.behaviour = behaviour;
  }
}

/** The streams of a root to replicas, those of one chain behind each other. */
export class FakeReplicas {
  readonly all: readonly FakeReplica[];
  readonly #network: TestNetwork;

  constructor(network: TestNetwork, all: readonly FakeReplica[]) {
    this.#network = network;
    this.all = all;
  }

  get streams(): StreamPool {
    return { lease: (target: DialTarget) => this.#lease(target) } as unknown as StreamPool;
  }

  async #lease(target: DialTarget) {
    await Promise.resolve();
    if (this.#of(target).behaviour.unreachable === true) throw new UnreachableError('nobody is there');
    const answers: (Uint8Array | StoreError)[] = [];
    let wake = Promise.withResolvers<undefined>();
    const say = (answer: ReplicaAnswer | StoreError) => {
      answers.push(answer instanceof Error ? answer : encodeReplicaAnswer(answer));
      wake.resolve(undefined);
    };
    let chain: FakeReplica[] = [];
    let ended = false;
    const writeFrame = (frame: Uint8Array | readonly Uint8Array[]) => {
      const bytes = frame instanceof Uint8Array ? frame : Buffer.concat(frame);
      if (chain.length === 0) chain = this.#open(target, bytes);
      else if (!ended) for (const { received } of chain) received.push(Buffer.from(bytes));
      else if (decodeVerdict(bytes)) this.#commit(chain, say);
      return Promise.resolve();
    };
    const writeFrames = () => {
      ended = true;
      for (const { contact, behaviour } of chain)
        say({ type: 'state', nodeId: contact.nodeId, error: behaviour.stage });
      return Promise.resolve();
    };
    const readFrame = async () => {
      while (answers.length === 0) {
        await wake.promise;
        wake = Promise.withResolvers();
      }
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const discard = () => say(new StreamClosedError('it was given up'));
    return { stream: { writeFrame, writeFrames, readFrame }, reused: false, release: () => undefined, discard };
  }

  /** The members of a chain up to the first that cannot be reached. */
  #open(target: DialTarget, request: Uint8Array): FakeReplica[] {
    const decoded = decodeReplicaRequest(request, this.#network.reader);
    if (decoded.type !== 'replicate') throw new Error(`a ${decoded.type} is no copy`);
    return [target, ...decoded.chain].map((member) => this.#of(member));
  }

  #commit(chain: readonly FakeReplica[], say: (answer: ReplicaAnswer | StoreError) => void): void {
    for (const replica of chain) {
      const { contact, behaviour } = replica;
      if (behaviour.stage !== undefined) continue;
      if (behaviour.diesAtVerdict === true) {
        say(new StreamClosedError('it died'));
        return;
      }
      replica.committed = behaviour.commit === undefined;
      say({ type: 'state', nodeId: contact.nodeId, error: behaviour.commit });
    }
  }

  #of({ peerId }: DialTarget): FakeReplica {
    const found = this.all.find(({ contact }) => contact.peerId === peerId);
    if (found === undefined) throw new Error('a replica that nobody knows');
    return found;
  }
}
