/** What the library gives and takes. Every size is in bytes, every time in milliseconds. */

/** How many copies must lie safely on disk before a store is done. */
export type WaitFor = 'one' | 'quorum' | 'all';

export type PeerName = {
  /** Hex, as in `a1b2`. */
  readonly nodeId: string;
  readonly peerId: string;
};

export type Route = {
  /** Hex. */
  readonly key: string;
  /** Node ids that the lookup visited, entry peer first, root last. */
  readonly path: readonly string[];
  /** The path's length minus one. */
  readonly hops: number;
};

export type FileEntry = {
  readonly name: string;
  /** Hex. */
  readonly key: string;
  /** `counter-tag`, the tag in hex. */
  readonly version: string;
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
  /** The source file's time of last change, ms since 1970; 0 when it had none. */
  readonly modifiedMs: number;
  /** The source file's permission bits; 0 when it had none. */
  readonly mode: number;
  /** PeerId of the client that owns the name. */
  readonly owner: string;
};

export type StoreReceipt = Route & {
  readonly name: string;
  readonly version: string;
  readonly size: number;
  readonly sha256: string;
  readonly root: PeerName;
  readonly replicas: readonly PeerName[];
  readonly ms: number;
};

export type FetchReceipt = Route & {
  readonly name: string;
  readonly version: string;
  readonly size: number;
  readonly sha256: string;
  readonly from: PeerName;
  readonly ms: number;
};

export type LookupResult = Route & {
  readonly root: PeerName;
  readonly replicas: readonly PeerName[];
  readonly ms: number;
};

export type StatResult = FileEntry & { readonly replicas: readonly PeerName[] };

export type RemoveReceipt = Route & {
  readonly name: string;
  readonly version: string;
  readonly root: PeerName;
  readonly ms: number;
};

/** A peer on the way of a lookup. */
export type Hop = {
  readonly nodeId: string;
  /** Undefined where it could not be found any more. */
  readonly peerId: string | undefined;
  /** Between this client and that peer; undefined where it does not answer. */
  readonly roundTripMs: number | undefined;
};

/** A peer that has a file, or is to have it. */
export type Holder = PeerName & {
  /** 1 for the peer closest to the key among those that stand near it, 2 for the next … */
  readonly rank: number;
  /** Steps on the ring between its id and the key. */
  readonly distance: number;
  /** False for a copy that lies where it was stored once. */
  readonly inReplicaSet: boolean;
  readonly state: 'present' | 'removed' | 'absent' | 'silent';
  /** Of the copy, or of its removal. */
  readonly version: string | undefined;
  readonly size: number | undefined;
};

export type Explanation = Route & {
  readonly name: string;
  readonly root: PeerName;
  /** The peers of the path. */
  readonly route: readonly Hop[];
  /** Closest to the key first. */
  readonly holders: readonly Holder[];
  /** Other names on the same key that the root holds … */
  readonly sameKey: readonly string[];
  /** … all of them; false: the root holds so many names that only some were looked through. */
  readonly sameKeyComplete: boolean;
  readonly ms: number;
};

/** Called as bytes move; `bytesTotal` is undefined for a source whose length nobody knows. */
export type OnProgress = (bytesDone: number, bytesTotal: number | undefined) => void;

export type StoreSource = { readonly path: string } | AsyncIterable<Uint8Array> | Uint8Array;

/** How a version's content is cut and recognised. */
export type ContentShape = {
  readonly version: string;
  /** Hex. */
  readonly merkleRoot: string;
  readonly chunkBytes: number;
  readonly chunks: number;
};

/** What an earlier fetch that was broken off has left: its first chunks, every one checked. */
export type LeftContent = ContentShape & { readonly chunksLeft: number };

/** Where fetched bytes go: in order, each one checked before it is handed over. */
export type FetchSink = {
  /** Asked first. The fetch goes on from there if that version is still to be had. */
  left?(name: string): Promise<LeftContent | undefined>;
  /**
   * Called once, before any bytes.
   *
   * @param chunksLeft of what was left, these count: the bytes that come go behind them. 0: from the beginning
   */
  start?(entry: FileEntry, shape: ContentShape, chunksLeft: number): Promise<void>;
  write(parts: readonly Uint8Array[]): Promise<void>;
};

/** A file, under its own name only once it is complete; or wherever a sink takes the bytes. */
export type FetchTarget = { readonly path: string; readonly overwrite?: boolean } | FetchSink;

export type StoreOptions = {
  readonly replicas?: number;
  readonly wait?: WaitFor;
  /** Others may overwrite and remove the file, too. */
  readonly shared?: boolean;
  /** Only where there is no file of that name. @throws VERSION_CONFLICT otherwise */
  readonly ifAbsent?: boolean;
  /** Only in the place of this version. @throws VERSION_CONFLICT otherwise */
  readonly ifVersion?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** Called when the store of a large file goes on where an earlier one, or an attempt of this one, was broken off. */
  readonly onResume?: (bytesStored: number, bytesTotal: number) => void;
};

export type FetchOptions = {
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** Called when the fetch goes on where an earlier one was broken off. */
  readonly onResume?: (bytesLeft: number, bytesTotal: number) => void;
};

export type CallOptions = { readonly signal?: AbortSignal };
