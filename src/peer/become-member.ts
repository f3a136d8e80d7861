/** How a peer becomes a member of its network, and how the discovery peer knows that it is there. */

import { randomBytes } from 'node:crypto';
import { defined } from '../base/assert.ts';
import { StoreError, UnreachableError, UsageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { DiscoveryClient } from '../discovery/discovery-client.ts';
import type { NetworkPolicy } from '../discovery/hello-policy.ts';
import type { Contact } from '../id/contact.ts';
import { IdSpace, type NodeId } from '../id/id-space.ts';
import type { Host } from '../net/host.ts';
import type { PeerOptions } from './peer-options.ts';
import type { PeerMemory } from './peer-memory.ts';
import type { Teardown } from './teardown.ts';

/** A discovery peer on a LAN answers at once; a slow one within this. */
const REGISTER_TIMEOUT_MS = 10_000;
const GOODBYE_TIMEOUT_MS = 500;

export type Membership = { readonly discovery: DiscoveryClient | undefined; readonly seeds: readonly Contact[] };

/** Registers, or goes on as the member that it was when no discovery peer answers. */
export async function becomeMember(
  options: PeerOptions,
  host: Host,
  policy: NetworkPolicy,
  memory: PeerMemory,
  wasMember: boolean,
): Promise<Membership> {
  const { log, signal } = options;
  if (options.discovery.length === 0) {
    if (wasMember) return { discovery: undefined, seeds: [] };
    throw new UnreachableError(
      'no discovery peer is named, and this peer belongs to no network yet. Start one with "p2p-discovery start" and ' +
        'give its address with --discovery or in P2P_DISCOVERY.',
    );
  }
  const random = seededRandom(randomBytes(4).readUInt32BE());
  const discovery = new DiscoveryClient({ host, policy, addrs: options.discovery, random, log });
  const wait = { timeoutMs: REGISTER_TIMEOUT_MS, signal };
  try {
    const { idBits } = (await discovery.contact(wait)).parameters;
    const answer = await discovery.register({ wantedId: wantedId(options.nodeId, idBits) }, wait);
    await memory.keepMembership(defined(policy.network, 'the first contact shows the network'), policy.certificate);
    return { discovery, seeds: answer.seeds };
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'UNREACHABLE' || !wasMember) throw error;
    log.warn('discovery-away', { message: `${error.message} Going on with the peers known from before.` });
    return { discovery, seeds: [] };
  }
}

function wantedId(text: string | undefined, idBits: 16 | 32): NodeId | undefined {
  if (text === undefined) return undefined;
  const wanted = new IdSpace(idBits).parse(text);
  if (wanted === undefined)
    throw new UsageError(`a node id of this network is ${String(idBits / 4)} hex digits, not "${text}"`);
  return wanted;
}

/** Tells the discovery peer that this peer is there, for as long as it is, and hears from it who else is. */
export function stayPresent(
  discovery: DiscoveryClient,
  hear: (contacts: readonly Contact[]) => void,
  log: Log,
  teardown: Teardown,
): void {
  const over = new AbortController();
  const subscribed = discovery
    .subscribe(({ arrived }) => hear(arrived), over.signal)
    .catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      log.error('membership-ended', { code: error.code, message: error.message });
    });
  teardown.add(async () => {
    over.abort();
    await subscribed;
    await discovery.stop({ timeoutMs: GOODBYE_TIMEOUT_MS }).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      log.debug('discovery-not-told', { code: error.code });
    });
  });
}
