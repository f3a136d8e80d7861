/** A copy on its way into a storage directory, as whoever receives the content sees it. */

export type StagedFile = {
  /**
   * Takes the next pieces, of any size; they belong to the file from now on and must not be changed any more. Resolves
   * when it may take more. One call at a time.
   *
   * @throws NoSpaceError, StorageUnusableError, BusyError; the copy is discarded then
   * @throws BadMessageError when there are too many chunks
   */
  write(parts: readonly Uint8Array[]): Promise<void>;
  /** Durable when it resolves; size and hashes are final. @throws as write */
  finish(): Promise<void>;
  /** Bytes taken so far; of a copy that is gone on with, what is there of it already: a number of whole chunks. */
  readonly size: number;
  /** SHA-256 of each chunk, complete after `finish`. */
  readonly chunkHashes: readonly Uint8Array[];
  /** After `finish`. */
  readonly merkleRoot: Uint8Array;
  /**
   * What was there of it already when it was gone on with, chunk by chunk. Each is valid until the next one is asked for.
   *
   * @throws ContentCorruptError when the disk does not give what was written; as write
   */
  keptChunks(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Gives the copy up. Quiet when it is committed or gone. */
  discard(): Promise<void>;
  /**
   * Gives the copy up for now: its whole chunks are kept for the next one that is staged with the same upload id, if it
   * has one and they are worth it. Quiet like `discard`, which it does otherwise.
   *
   * @returns whether it was kept
   */
  suspend(): Promise<boolean>;
};
