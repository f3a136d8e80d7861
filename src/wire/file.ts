/**
 * The requests and answers of the file protocol, checked once on their way in. Content travels between them as
 * plain frames, one a chunk, ended by an empty one, so that no byte of it is copied into a message.
 */

import { checkName, NAME_BYTES_MAX, utf8 } from '../id/key.ts';
import type { Version } from '../id/version.ts';
import type { StoreError } from '../base/errors.ts';
import { check, decodeWith } from './decode.ts';
import { decodeFailure, encodeFailure } from './failure.ts';
import { FileAnswer as WireAnswer, FileRequest as WireRequest, ResumeFrom } from './generated/file.ts';
import { decodeHolding, encodeHolding, type Holding, type WriteCondition } from './holding.ts';
import {
  CHUNKS_PER_FILE_MAX,
  CONTACTS_PER_MESSAGE_MAX,
  FILE_FRAME_BYTES_MAX,
  HASH_BYTES,
  ENVELOPE_BYTES_MAX,
  LIST_PAGE_RECORDS_MAX,
} from './limits.ts';
import { decodeVersion, encodeVersion } from './version-bytes.ts';

export const FILE_PROTOCOL = '/p2p-file-store/file/1.0.0';

/** Ends the content of a put or a get. */
export const END_OF_CONTENT = new Uint8Array(0);

export type FileRequest =
  | {
      readonly type: 'put';
      readonly name: string;
      readonly sizeHint: number | undefined;
      readonly replicas: number;
      readonly waitFor: number;
      readonly condition: WriteCondition;
      /** Under which the root keeps what breaks off. */
      readonly uploadId: Uint8Array | undefined;
    }
  | {
      readonly type: 'get';
      readonly name: string;
      readonly version: Version | undefined;
      readonly offset: number;
      readonly length: number;
      readonly localOnly: boolean;
    }
  | { readonly type: 'stat'; readonly name: string; readonly localOnly: boolean }
  | { readonly type: 'remove'; readonly name: string }
  | { readonly type: 'list'; readonly prefix: string; readonly after: string; readonly limit: number }
  | { readonly type: 'check'; readonly name: string; readonly version: Version; readonly chunk: number };

/** The first chunks of an upload, known by the Merkle root over their hashes. */
export type KeptChunks = { readonly chunks: number; readonly merkleRoot: Uint8Array };

export type ReplicaName = { readonly nodeId: number; readonly peerId: string };

export type FileAnswer =
  | {
      readonly type: 'put-ready';
      readonly highest: Holding | undefined;
      /** The envelope of the highest record, where the name is open to others or has changed hands; else empty. */
      readonly record: Uint8Array;
      /** What is there of the upload already. */
      readonly kept: KeptChunks | undefined;
      /** Peers that are away may have a higher version. */
      readonly inDoubt: boolean;
    }
  | { readonly type: 'resuming'; readonly chunks: number }
  | { readonly type: 'receipt'; readonly replicas: readonly ReplicaName[] }
  | { readonly type: 'content'; readonly record: Uint8Array; readonly chunkCount: number }
  | { readonly type: 'stat'; readonly record: Uint8Array; readonly replicas: readonly ReplicaName[] }
  | {
      readonly type: 'list-page';
      readonly records: readonly Uint8Array[];
      readonly more: boolean;
      readonly neighbours: readonly Uint8Array[];
    }
  | { readonly type: 'checked'; readonly setAside: boolean }
  | { readonly type: 'redirect'; readonly contact: Uint8Array; readonly holder: boolean }
  | { readonly type: 'failure'; readonly error: StoreError };

/** Of the widest ring; the client holds them against its own. */
const NODE_ID_MAX = 2 ** 32 - 1;
/** A PeerId in its text form: base58. */
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{1,64}$/;

export const UPLOAD_ID_BYTES = 16;
export const RESUME_FROM_BYTES_MAX = 16;

const NO_BYTES = new Uint8Array(0);

export function encodeFileRequest(request: FileRequest): Uint8Array {
  switch (request.type) {
    case 'put': {
      const { name, sizeHint, replicas, waitFor, condition, uploadId = NO_BYTES } = request;
      const ifAbsent = condition === 'absent';
      const ifVersion = optionalVersion(typeof condition === 'object' ? condition : undefined);
      const size = sizeHint === undefined ? {} : { size: sizeHint };
      return WireRequest.encode({ put: { name, replicas, waitFor, ifAbsent, ifVersion, uploadId, ...size } });
    }
    case 'get': {
      const { name, version, offset, length, localOnly } = request;
      return WireRequest.encode({ get: { name, version: optionalVersion(version), offset, length, localOnly } });
    }
    case 'stat':
      return WireRequest.encode({ stat: request });
    case 'remove':
      return WireRequest.encode({ remove: request });
    case 'list':
      return WireRequest.encode({ list: request });
    case 'check': {
      const { name, version, chunk } = request;
      return WireRequest.encode({ check: { name, version: encodeVersion(version), chunk } });
    }
  }
}

/** @throws BadMessageError, InvalidNameError */
export function decodeFileRequest(bytes: Uint8Array): FileRequest {
  const wire = decodeWith(WireRequest, bytes, FILE_FRAME_BYTES_MAX, 'file request');
  if (wire.put !== undefined) {
    const { name, size, replicas, waitFor, ifAbsent, ifVersion, uploadId } = wire.put;
    checkName(name);
    check(size === undefined || isByteCount(size), "a put's size is out of range");
    check(replicas <= 64 && waitFor <= 64, "a put's number of copies is out of range");
    const condition = ifAbsent ? 'absent' : ifVersion.length === 0 ? 'any' : decodeVersion(ifVersion);
    const named = uploadId.length > 0;
    check(!named || uploadId.length === UPLOAD_ID_BYTES, 'an upload id of the wrong length');
    return { type: 'put', name, sizeHint: size, replicas, waitFor, condition, uploadId: named ? uploadId : undefined };
  }
  if (wire.get !== undefined) {
    const { name, version, offset, length, localOnly } = wire.get;
    checkName(name);
    check(isByteCount(offset) && isByteCount(length), "a get's range is out of range");
    return {
      type: 'get',
      name,
      version: version.length === 0 ? undefined : decodeVersion(version),
      offset,
      length,
      localOnly,
    };
  }
  if (wire.stat !== undefined) {
    checkName(wire.stat.name);
    return { type: 'stat', name: wire.stat.name, localOnly: wire.stat.localOnly };
  }
  if (wire.remove !== undefined) {
    checkName(wire.remove.name);
    return { type: 'remove', name: wire.remove.name };
  }
  if (wire.check !== undefined) {
    const { name, version, chunk } = wire.check;
    checkName(name);
    check(chunk < CHUNKS_PER_FILE_MAX, 'a chunk that no file has');
    return { type: 'check', name, version: decodeVersion(version), chunk };
  }
  check(wire.list !== undefined, 'a file request of an unknown kind');
  const { prefix, after, limit } = wire.list;
  check(utf8(prefix).length <= NAME_BYTES_MAX && utf8(after).length <= NAME_BYTES_MAX, "a list's prefix is too long");
  return { type: 'list', prefix, after, limit: Math.min(Math.max(limit, 1), LIST_PAGE_RECORDS_MAX) };
}

export function encodeFileAnswer(answer: FileAnswer): Uint8Array {
  switch (answer.type) {
    case 'put-ready': {
      const { highest, record, kept, inDoubt } = answer;
      const keptRoot = kept?.merkleRoot ?? NO_BYTES;
      return WireAnswer.encode({
        putReady: { highest: encodeHolding(highest), record, keptChunks: kept?.chunks ?? 0, keptRoot, inDoubt },
      });
    }
    case 'resuming':
      return WireAnswer.encode({ resuming: answer });
    case 'receipt':
      return WireAnswer.encode({ receipt: { replicas: [...answer.replicas] } });
    case 'content':
      return WireAnswer.encode({ content: answer });
    case 'stat':
      return WireAnswer.encode({ stat: { record: answer.record, replicas: [...answer.replicas] } });
    case 'list-page': {
      const { records, more, neighbours } = answer;
      return WireAnswer.encode({ listPage: { records: [...records], more, neighbours: [...neighbours] } });
    }
    case 'checked':
      return WireAnswer.encode({ checked: answer });
    case 'redirect':
      return WireAnswer.encode({ redirect: answer });
    case 'failure':
      return WireAnswer.encode({ failure: encodeFailure(answer.error) });
  }
}

/** @throws BadMessageError */
export function decodeFileAnswer(bytes: Uint8Array): FileAnswer {
  const wire = decodeWith(WireAnswer, bytes, FILE_FRAME_BYTES_MAX, 'file answer');
  if (wire.putReady !== undefined) {
    const { highest, record, keptChunks: chunks, keptRoot: merkleRoot, inDoubt } = wire.putReady;
    check(highest !== undefined, 'an answer to a put without the present state');
    check(record.length <= ENVELOPE_BYTES_MAX, 'a present record is too long');
    check(chunks <= CHUNKS_PER_FILE_MAX, 'more chunks are kept than a file has');
    check(chunks === 0 || merkleRoot.length === HASH_BYTES, 'kept chunks without their Merkle root');
    const kept = chunks === 0 ? undefined : { chunks, merkleRoot };
    return { type: 'put-ready', highest: decodeHolding(highest), record, kept, inDoubt };
  }
  if (wire.resuming !== undefined) return { type: 'resuming', chunks: wire.resuming.chunks };
  if (wire.receipt !== undefined) return { type: 'receipt', replicas: checkReplicas(wire.receipt.replicas) };
  if (wire.content !== undefined) {
    const { record, chunkCount } = wire.content;
    check(chunkCount >= 1 && chunkCount <= CHUNKS_PER_FILE_MAX, 'a number of chunks is out of range');
    return { type: 'content', record, chunkCount };
  }
  if (wire.stat !== undefined) {
    return { type: 'stat', record: wire.stat.record, replicas: checkReplicas(wire.stat.replicas) };
  }
  if (wire.listPage !== undefined) {
    const { records, more, neighbours } = wire.listPage;
    check(
      records.length <= LIST_PAGE_RECORDS_MAX && neighbours.length <= CONTACTS_PER_MESSAGE_MAX,
      'a list page is too long',
    );
    return { type: 'list-page', records, more, neighbours };
  }
  if (wire.checked !== undefined) return { type: 'checked', setAside: wire.checked.setAside };
  if (wire.redirect !== undefined) return { type: 'redirect', ...wire.redirect };
  check(wire.failure !== undefined, 'a file answer of an unknown kind');
  return { type: 'failure', error: decodeFailure(wire.failure) };
}

/** @param chunks of those that are kept, all or none */
export function encodeResumeFrom(chunks: number): Uint8Array {
  return ResumeFrom.encode({ chunks });
}

/** @throws BadMessageError */
export function decodeResumeFrom(bytes: Uint8Array): number {
  return decodeWith(ResumeFrom, bytes, RESUME_FROM_BYTES_MAX, 'point of resumption').chunks;
}

function optionalVersion(version: Version | undefined): Uint8Array {
  return version === undefined ? NO_BYTES : encodeVersion(version);
}

function checkReplicas(replicas: ReplicaName[]): ReplicaName[] {
  check(replicas.length <= CONTACTS_PER_MESSAGE_MAX, 'too many replicas in one answer');
  check(
    replicas.every(({ nodeId, peerId }) => nodeId <= NODE_ID_MAX && PEER_ID.test(peerId)),
    'a replica that is no peer',
  );
  return replicas;
}

function isByteCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
