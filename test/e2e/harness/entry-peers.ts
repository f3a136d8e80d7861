/**
 * Lookups through whichever peer a test names, without the discovery peer: the ring as each single peer sees it. A client
 * of the library has one entry peer at a time, and does not choose it.
 */

import { generateKeyPair } from '@libp2p/crypto/keys';
import { silentLog } from '../../../src/base/log.ts';
import { seededRandom } from '../../../src/base/random.ts';
import { LookupChannel } from '../../../src/client/lookup-channel.ts';
import { DiscoveryClient } from '../../../src/discovery/discovery-client.ts';
import { NetworkPolicy } from '../../../src/discovery/hello-policy.ts';
import { Host } from '../../../src/net/host.ts';
import type { ContactReader } from '../../../src/wire/contact.ts';
import type { Network, Peer } from './network.ts';

const CONNECT = { timeoutMs: 10_000 };
/** Longer than peers look themselves before they give up. */
const LOOKUP = { timeoutMs: 30_000 };
const NO_CERTIFICATE = new Uint8Array(0);

export class EntryPeers {
  readonly #host: Host;
  readonly #reader: ContactReader;
  /** By PeerId. */
  readonly #channels = new Map<string, Promise<LookupChannel>>();

  private constructor(host: Host, reader: ContactReader) {
    this.#host = host;
    this.#reader = reader;
  }

  /** Learns the network from its discovery peer, which is not needed afterwards. */
  static async open({ discovery }: Network): Promise<EntryPeers> {
    const policy = new NetworkPolicy({ role: 'client', addrs: () => [] });
    const host = await Host.start({
      privateKey: await generateKeyPair('Ed25519'),
      listen: [],
      policy,
      log: silentLog,
    });
    const client = new DiscoveryClient({
      host,
      policy,
      addrs: discovery.ready.addrs,
      random: seededRandom(1),
      log: silentLog,
    });
    await client.contact(CONNECT);
    return new EntryPeers(host, policy.reader);
  }

  /** The node id of a key's root, as a lookup through this peer finds it. @throws NotReadyError when it finds none in time */
  async rootOf(key: string, entry: Peer): Promise<string> {
    const { idSpace } = this.#reader;
    const channel = await this.#channel(entry);
    const { root } = await channel.locate(idSpace.position(parseInt(key, 16)), LOOKUP);
    return idSpace.format(root.nodeId);
  }

  async close(): Promise<void> {
    await this.#host.stop();
  }

  /** The one that is open, or a new one: a peer that was restarted has closed the old one. */
  async #channel(entry: Peer): Promise<LookupChannel> {
    const { peerId } = entry.ready;
    const kept = this.#channels.get(peerId);
    const opening = kept ?? this.#open(entry);
    this.#channels.set(peerId, opening);
    const channel = await opening.catch(() => undefined);
    if (channel?.usable === true) return channel;
    if (this.#channels.get(peerId) === opening) this.#channels.delete(peerId);
    return kept === undefined ? opening : this.#channel(entry);
  }

  #open({ ready }: Peer): Promise<LookupChannel> {
    const nodeId = this.#reader.idSpace.position(parseInt(ready.nodeId, 16));
    const { peerId, addrs } = ready;
    const contact = { nodeId, peerId, serial: 0, addrs, certificate: NO_CERTIFICATE };
    return LookupChannel.open(this.#host, contact, this.#reader, CONNECT);
  }
}
