/**
 * The library: connects to a network and works on its files. A client stands on no ring and listens nowhere; it finds
 * an entry peer through a discovery peer, or through the peers that it met before when none answers.
 */

import { randomBytes } from 'node:crypto';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { assert } from '../base/assert.ts';
import { BadMessageError, NetworkChangedError, StoreError, UnreachableError, UsageError } from '../base/errors.ts';
import { silentLog, type Log } from '../base/log.ts';
import { randomBelow, seededRandom, type Random } from '../base/random.ts';
import { DiscoveryClient } from '../discovery/discovery-client.ts';
import { NetworkPolicy, recallNetwork, type KnownNetwork } from '../discovery/hello-policy.ts';
import type { Contact } from '../id/contact.ts';
import { Host } from '../net/host.ts';
import { StreamPool } from '../net/stream-pool.ts';
import type { Wait } from '../net/wait.ts';
import { encodeContact, type ContactReader } from '../wire/contact.ts';
import { FILE_PROTOCOL } from '../wire/file.ts';
import { EntryPeer, ENTRY_DIAL_TIMEOUT_MS, type PickedEntry } from './entry-peer.ts';
import { FileStore } from './file-store.ts';
import { defaultConfigDir, Identity, type RememberedNetwork } from './identity.ts';
import { Session } from './session.ts';

export type ConnectOptions = {
  /** Multiaddrs of discovery peers, as `p2p-discovery start` prints them. None will do where `network` is given. */
  readonly discovery: readonly string[];
  /** What is known of the network already, from a peer of it on this machine, say. */
  readonly network?: RememberedNetwork;
  /** Where this person's key and known networks lie. Default: P2P_CONFIG_DIR, else p2p-file-store in the user's configuration folder. */
  readonly configDir?: string;
  /** The file with the key that signs what is stored and removed. Default: `client.key` in `configDir`, made on first use. */
  readonly identity?: string;
  /** Default: says nothing. */
  readonly log?: Log;
  /** Calls the connecting off. */
  readonly signal?: AbortSignal;
};

const CONTACT_TIMEOUT_MS = 5_000;
/** A discovery peer that is away must not hold up a client that can do without it. */
const CONTACT_TIMEOUT_WITH_MEMORY_MS = 2_000;
/** Operations on one peer side by side, and how long a stream is kept for the next one. */
const FILE_STREAMS = { idleTimeoutMs: 30_000, perPeerMax: 64 };
const PEERS_REMEMBERED_MAX = 16;
/**
 * With so many peers in memory, the first entry peer is one of them: that saves a short-lived client a connection, and
 * with fewer the same ones would be asked always.
 */
const PEERS_REMEMBERED_ENOUGH = 4;
/** Who is remembered may be switched off; then the discovery peer is asked, and this much time is lost. */
const REMEMBERED_DIAL_TIMEOUT_MS = 1_000;

/**
 * Connects.
 *
 * @throws UnreachableError when no discovery peer answers and none of the network's peers is remembered
 * @throws NetworkChangedError when the network at that address is not the one that was met there before
 * @throws StoreError when the key file that is named is not there, or not private
 * @throws UsageError when an address is no multiaddr; InterruptedError
 */
export async function connect(options: ConnectOptions): Promise<FileStore> {
  if (options.discovery.length === 0 && options.network === undefined) {
    throw new UsageError('give the address of a discovery peer');
  }
  const log = options.log ?? silentLog;
  const identity = await Identity.open(options.configDir ?? defaultConfigDir(), options.identity);
  const remembered = await identity.recall(options.discovery);
  const parameters = (remembered ?? options.network)?.parameters;
  const network = parameters === undefined ? undefined : recallNetwork(parameters);
  const policy = new NetworkPolicy({ role: 'client', network, addrs: () => [] });
  // The host's own key is made for this run; what is signed for good is signed with the person's.
  const host = await Host.start({ privateKey: await generateKeyPair('Ed25519'), listen: [], policy, log });
  try {
    const random = seededRandom(randomBytes(4).readUInt32BE());
    const discovery =
      options.discovery.length === 0
        ? undefined
        : new DiscoveryClient({ host, policy, addrs: options.discovery, random, log });
    const known = network ?? (await firstContact(discovery, options.signal));
    const { reader } = policy;
    const peers = new KnownPeers(random);
    for (const peer of [...(remembered?.peers ?? []), ...(options.network?.peers ?? [])]) peers.recall(peer, reader);
    const pick = (except: readonly string[], wait: Wait) => pickEntry(discovery, peers, identity, except, wait);
    const pool = new StreamPool(host, FILE_PROTOCOL, FILE_STREAMS);
    const entry = new EntryPeer(host, reader, pick, (contact) => peers.meet(contact));
    const session = new Session({
      host,
      key: identity.key,
      pool,
      reader,
      parameters: known.parameters,
      entry,
      log,
      uploadsDir: identity.uploadsDir,
    });
    return new FileStore(session, () => rememberNetwork(identity, options.discovery, known, remembered, peers));
  } catch (error) {
    await host.stop();
    throw error;
  }
}

function firstContact(discovery: DiscoveryClient | undefined, signal: AbortSignal | undefined): Promise<KnownNetwork> {
  assert(discovery !== undefined, 'without a discovery peer the network is known');
  return discovery.contact({ timeoutMs: CONTACT_TIMEOUT_MS, signal });
}

/** The peers of the network that this client has met, the latest last. */
class KnownPeers {
  readonly #byPeerId = new Map<string, Contact>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  meet(contact: Contact): void {
    this.#byPeerId.delete(contact.peerId);
    this.#byPeerId.set(contact.peerId, contact);
    const oldest = this.#byPeerId.keys().next();
    if (this.#byPeerId.size > PEERS_REMEMBERED_MAX && oldest.done !== true) this.#byPeerId.delete(oldest.value);
  }

  /** One that was kept. What cannot be read any more is left out. */
  recall(bytes: Uint8Array, reader: ContactReader): void {
    try {
      this.meet(reader.contact(bytes));
    } catch (error) {
      if (!(error instanceof BadMessageError)) throw error;
    }
  }

  all(): readonly Contact[] {
    return [...this.#byPeerId.values()];
  }

  pick(except: readonly string[]): Contact | undefined {
    const others = this.all().filter(({ peerId }) => !except.includes(peerId));
    const choice = others.length > 0 ? others : this.all();
    return choice[randomBelow(this.#random, choice.length)];
  }
}

/** Somebody who is remembered, at first; somebody who is present, as the discovery peer says; somebody known, when that is away. */
async function pickEntry(
  discovery: DiscoveryClient | undefined,
  peers: KnownPeers,
  identity: Identity,
  except: readonly string[],
  wait: Wait,
): Promise<PickedEntry> {
  const known = peers.pick(except);
  if (known !== undefined && except.length === 0 && peers.all().length >= PEERS_REMEMBERED_ENOUGH) {
    return { contact: known, dialTimeoutMs: REMEMBERED_DIAL_TIMEOUT_MS, isGuess: true };
  }
  if (discovery === undefined) {
    if (known === undefined) throw new UnreachableError('no peer of the network is known, and no discovery peer');
    return { contact: known, dialTimeoutMs: ENTRY_DIAL_TIMEOUT_MS, isGuess: false };
  }
  const timeoutMs = known === undefined ? wait.timeoutMs : Math.min(wait.timeoutMs, CONTACT_TIMEOUT_WITH_MEMORY_MS);
  const picked = (contact: Contact): PickedEntry => ({ contact, dialTimeoutMs: ENTRY_DIAL_TIMEOUT_MS, isGuess: false });
  try {
    return picked(await discovery.randomPeer(except, { ...wait, timeoutMs }));
  } catch (error) {
    if (error instanceof NetworkChangedError) {
      throw new NetworkChangedError(
        `${error.message}. If the network was really made anew, delete ${identity.networksFile}.`,
        error,
      );
    }
    if (known === undefined || !(error instanceof StoreError)) throw error;
    return picked(known);
  }
}

/** Keeps what was learned, if there is anything new. */
async function rememberNetwork(
  identity: Identity,
  addrs: readonly string[],
  network: KnownNetwork,
  before: RememberedNetwork | undefined,
  peers: KnownPeers,
): Promise<void> {
  if (addrs.length === 0) return;
  const contacts = peers.all().map(encodeContact);
  const seen = new Set(before?.peers.map((bytes) => Buffer.from(bytes).toString('latin1')));
  const news = contacts.some((bytes) => !seen.has(Buffer.from(bytes).toString('latin1')));
  if (before !== undefined && !news) return;
  await identity.remember(addrs, { parameters: network.parametersEnvelope, peers: contacts });
}
