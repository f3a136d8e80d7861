/**
 * What a peer keeps of its network between two runs, in its storage directory: the signed parameters, its certificate,
 * the ports it listened on and the peers it knew. With these it comes back under its id, at its old addresses, and
 * without a discovery peer.
 */

import { StoreError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Contact } from '../id/contact.ts';
import { recallNetwork, type KnownNetwork } from '../discovery/hello-policy.ts';
import type { Settings } from '../store/storage-directory.ts';
import type { ContactReader } from '../wire/contact.ts';
import { decodeOverlayMessage, encodeOverlayMessage } from '../wire/overlay.ts';
import { CONTACTS_MAX } from '../overlay/messages.ts';

const PARAMETERS = 'parameters';
const CERTIFICATE = 'certificate';
const CONTACTS = 'contacts';
const PORTS = 'ports';

/** Changes of the neighbourhood within this are written once. */
const SAVE_DELAY_MS = 1_000;

export class PeerMemory {
  readonly #settings: Settings;
  readonly #log: Log;
  #saving: NodeJS.Timeout | undefined;

  constructor(settings: Settings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  async network(): Promise<KnownNetwork | undefined> {
    const envelope = await this.#settings.get(PARAMETERS);
    return envelope === undefined ? undefined : recallNetwork(envelope);
  }

  async certificate(): Promise<Uint8Array | undefined> {
    return this.#settings.get(CERTIFICATE);
  }

  async keepMembership(network: KnownNetwork, certificate: Uint8Array): Promise<void> {
    await this.#settings.put(PARAMETERS, network.parametersEnvelope);
    await this.#settings.put(CERTIFICATE, certificate);
  }

  /** The peers that were known last. One whose certificate is void by now is met again as a stranger, and refused then. */
  async contacts(reader: ContactReader): Promise<readonly Contact[]> {
    const bytes = await this.#settings.get(CONTACTS);
    if (bytes === undefined) return [];
    try {
      const message = decodeOverlayMessage(bytes, reader);
      return message.type === 'contacts' ? message.contacts : [];
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#log.warn('known-peers-unreadable', { message: error.message });
      return [];
    }
  }

  /** Writes them soon; what comes meanwhile is written with it. */
  keepContactsSoon(contacts: () => readonly Contact[]): void {
    this.#saving ??= setTimeout(() => {
      this.#saving = undefined;
      this.keepContacts(contacts()).catch((error: unknown) => {
        if (!(error instanceof StoreError)) throw error;
        this.#log.warn('known-peers-not-saved', { message: error.message });
      });
    }, SAVE_DELAY_MS);
  }

  async keepContacts(contacts: readonly Contact[]): Promise<void> {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    // A peer that has lost sight of everybody had better remember whom it knew before.
    if (contacts.length === 0) return;
    const kept = contacts.slice(0, CONTACTS_MAX);
    await this.#settings.put(
      CONTACTS,
      encodeOverlayMessage({ type: 'contacts', requestId: 0, last: false, roundTripsMs: [], contacts: kept }),
    );
  }

  /**
   * Addresses to listen at: where any free port will do, the one of the last run, so that the others find this peer
   * where they remember it.
   */
  async listenAddrs(wanted: readonly string[]): Promise<readonly string[]> {
    const bytes = await this.#settings.get(PORTS);
    const ports = bytes === undefined ? [] : Buffer.from(bytes).toString('latin1').split(' ');
    return wanted.map((addr, index) => {
      const port = ports[index];
      return port === undefined || port === '' ? addr : addr.replace(/\/tcp\/0$/, `/tcp/${port}`);
    });
  }

  /** @param bound where the host listens now, in the order of what was wanted */
  async keepPorts(wanted: readonly string[], bound: readonly string[]): Promise<void> {
    const ports = wanted.map((addr) => {
      const prefix = addr.replace(/\/ip4\/0\.0\.0\.0\/|\/ip6\/::\//, '/').replace(/\/tcp\/.*$/, '');
      const match = bound.find((candidate) => prefix === '' || candidate.startsWith(`${prefix}/tcp/`));
      return /\/tcp\/(\d+)/.exec(match ?? '')?.[1] ?? '';
    });
    await this.#settings.put(PORTS, Buffer.from(ports.join(' '), 'latin1'));
  }
}
