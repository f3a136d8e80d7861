/** What a peer is started with. */

import type { Log } from '../base/log.ts';

export type PeerOptions = {
  /** The storage directory; made if need be. */
  readonly storage: string;
  /** Multiaddrs of discovery peers. None will do for a peer that has been a member before. */
  readonly discovery: readonly string[];
  /** Multiaddrs; with port 0 the port of the last run, or any free one. */
  readonly listen: readonly string[];
  /** The node id to ask for, in hex, where the network lets peers choose. */
  readonly nodeId?: string | undefined;
  /** Takes no more than so many bytes of files. */
  readonly capacityBytes?: number | undefined;
  /** Leaves so many bytes of the disk free. */
  readonly keepFreeBytes?: number | undefined;
  /** How fast it reads its files again, to find damage early. */
  readonly scrubBytesPerSecond?: number | undefined;
  readonly log: Log;
  /** Calls the start off. */
  readonly signal?: AbortSignal | undefined;
};
