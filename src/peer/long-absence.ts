/**
 * A peer that was away for longer than removals are kept might bring removed files back: nobody remembers any more that
 * they were removed. So it asks the others before it joins. If one of them was there meanwhile, everything that lies
 * here is put into quarantine, and what is still valid comes back from the others. If all were away, as after a
 * holiday, nothing was removed either.
 */

import { StoreError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Contact } from '../id/contact.ts';
import type { StreamPool } from '../net/stream-pool.ts';
import type { StorageDirectory } from '../store/storage-directory.ts';
import { askReplica } from './ask-replica.ts';

/** How long a removal is remembered. */
export const TOMBSTONES_KEPT_MS = 30 * 24 * 3_600_000;
const LAST_SEEN = 'last-seen';
const ASKED_MAX = 32;
const PAGE = 256;

export class LongAbsence {
  readonly #storage: StorageDirectory;
  /** This peer was away for too long, and nobody has said that they were there meanwhile. */
  readonly wasTooLong: boolean;

  private constructor(storage: StorageDirectory, wasTooLong: boolean) {
    this.#storage = storage;
    this.wasTooLong = wasTooLong;
  }

  /** @param nowMs since 1970 */
  static async look(storage: StorageDirectory, nowMs: number): Promise<LongAbsence> {
    const bytes = await storage.settings.get(LAST_SEEN);
    const lastSeenMs = bytes === undefined ? nowMs : Number(Buffer.from(bytes).toString());
    return new LongAbsence(storage, nowMs - lastSeenMs > TOMBSTONES_KEPT_MS);
  }

  /** To be called now and then, while this peer runs. */
  async noteSeen(nowMs: number): Promise<void> {
    await this.#storage.settings.put(LAST_SEEN, Buffer.from(String(nowMs)));
  }

  /** @param others who may have been there meanwhile */
  async settle(streams: StreamPool, others: readonly Contact[], log: Log): Promise<void> {
    if (!this.wasTooLong) return;
    const answers = await Promise.all(others.slice(0, ASKED_MAX).map((other) => wasThere(streams, other)));
    if (!answers.includes(true)) {
      log.warn('away-for-long', {
        note: 'nobody who was there meanwhile is reached: the files here count as they are',
      });
      return;
    }
    const { files } = this.#storage.totals;
    log.warn('away-for-long', { files, note: 'all put into quarantine: what is still valid comes from the others' });
    for (const replicas of this.#storage.replicaCounts()) {
      for (let more = true; more;) {
        const page = await this.#storage.heldIn(replicas, { from: 0, to: 0 }, { limit: PAGE });
        await Promise.all(page.held.map(({ name, version }) => this.#storage.quarantine(name, version)));
        more = page.more;
      }
    }
  }
}

async function wasThere(streams: StreamPool, other: Contact): Promise<boolean> {
  try {
    const request = { type: 'compare', replicas: 0, ranges: [] } as const;
    return !(await askReplica(streams, other, request, 'comparison')).backFromAway;
  } catch (error) {
    if (error instanceof StoreError) return false;
    throw error;
  }
}
