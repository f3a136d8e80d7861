/**
 * How many requests one PeerId may make: a bucket that fills steadily and holds a burst. Honest peers and clients ask a
 * handful of times in their lives. What it remembers of a PeerId goes when its last connection does, so there are never
 * more buckets than connections.
 */

const BURST_REQUESTS = 128;
const REQUESTS_PER_SECOND = 32;

type Bucket = { tokens: number; filledAtMs: number };

export class RequestRate {
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param now a clock in ms that never goes back */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts a request, and says whether it is within bounds. */
  allows(peerId: string): boolean {
    const now = this.#now();
    const bucket = this.#buckets.get(peerId) ?? { tokens: BURST_REQUESTS, filledAtMs: now };
    const earned = ((now - bucket.filledAtMs) / 1000) * REQUESTS_PER_SECOND;
    bucket.tokens = Math.min(BURST_REQUESTS, bucket.tokens + earned);
    bucket.filledAtMs = now;
    this.#buckets.set(peerId, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  forget(peerId: string): void {
    this.#buckets.delete(peerId);
  }
}
