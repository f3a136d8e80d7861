/**
 * The discovery peer's registry on disk: an embedded database whose own lock keeps a second process out. Each change is
 * one synced batch that holds the member's row together with the new epoch and serial, so after any crash either both
 * are there or neither, and no epoch or serial is issued twice. Where a member listens is written along without a sync:
 * losing it costs a newcomer a seed, nothing else.
 */

import { ClassicLevel, type BatchOperation } from 'classic-level';
import { messageOf, StorageLockedError, StorageUnusableError } from '../base/errors.ts';
import type { IdSpace } from '../id/id-space.ts';
import type { Registration, RegistryChange, RegistryState } from '../membership/registry.ts';

const SCHEMA = '1';
const MEMBER_PREFIX = 'member/';
const ADDRS_PREFIX = 'addrs/';
/** The empty list of a new network has epoch 1: on the wire 0 stands for no list at all. */
const FOUNDING_STATE = '{"epoch":1,"serial":0}';

/** What stands beside a registration. */
export type MemberPapers = { readonly certificate: Uint8Array; readonly addrs: readonly string[] };

export type LoadedRegistry = { readonly state: RegistryState; readonly papers: ReadonlyMap<string, MemberPapers> };

type Row = {
  readonly nodeId: number;
  readonly incarnation: number;
  readonly status: string;
  readonly serial: number;
  /** Base64. */
  readonly certificate: string;
};

export class RegistryFile {
  readonly #path: string;
  readonly #db: ClassicLevel;

  private constructor(path: string, db: ClassicLevel) {
    this.#path = path;
    this.#db = db;
  }

  /** @throws StorageLockedError when another process has it, StorageUnusableError */
  static async open(path: string): Promise<RegistryFile> {
    const db = new ClassicLevel(path);
    try {
      await db.open();
    } catch (error) {
      if (causedByLock(error)) {
        throw new StorageLockedError(
          `${path} is in use by another process; stop that one, or use another directory`,
          error,
        );
      }
      throw new StorageUnusableError(`${path} cannot be opened: ${messageOf(causeOf(error))}`, error);
    }
    const file = new RegistryFile(path, db);
    const schema = await file.#get('schema');
    if (schema === undefined) await file.#write([{ type: 'put', key: 'schema', value: SCHEMA }]);
    else if (schema !== SCHEMA) {
      await db.close();
      throw new StorageUnusableError(`${path} was written by another version of this program (schema ${schema})`);
    }
    return file;
  }

  /** The network's signed parameters; undefined in a new directory. */
  async parameters(): Promise<Uint8Array | undefined> {
    return fromBase64(await this.#get('parameters'));
  }

  async saveParameters(envelope: Uint8Array): Promise<void> {
    await this.#write([{ type: 'put', key: 'parameters', value: toBase64(envelope) }]);
  }

  /** The discovery peer's own certificate. */
  async certificate(): Promise<Uint8Array | undefined> {
    return fromBase64(await this.#get('certificate'));
  }

  /** @param serial the one in the certificate, used up with it */
  async saveCertificate(certificate: Uint8Array, epoch: number, serial: number): Promise<void> {
    await this.#write([
      { type: 'put', key: 'certificate', value: toBase64(certificate) },
      { type: 'put', key: 'state', value: JSON.stringify({ epoch, serial }) },
    ]);
  }

  /** @throws StorageUnusableError when a row is damaged */
  async load(space: IdSpace): Promise<LoadedRegistry> {
    const registrations: Registration[] = [];
    const papers = new Map<string, MemberPapers>();
    try {
      const state = JSON.parse((await this.#get('state')) ?? FOUNDING_STATE) as RegistryState;
      if (!Number.isSafeInteger(state.epoch) || !Number.isSafeInteger(state.serial))
        throw new RangeError('epoch or serial');
      const addrs = new Map<string, string[]>();
      for await (const [key, value] of this.#db.iterator(range(ADDRS_PREFIX))) {
        addrs.set(key.slice(ADDRS_PREFIX.length), JSON.parse(value) as string[]);
      }
      for await (const [key, value] of this.#db.iterator(range(MEMBER_PREFIX))) {
        const peerId = key.slice(MEMBER_PREFIX.length);
        const row = JSON.parse(value) as Row;
        registrations.push(registrationOf(peerId, row, space));
        const certificate = Buffer.from(row.certificate, 'base64');
        papers.set(peerId, { certificate, addrs: addrs.get(peerId) ?? [] });
      }
      return { state: { epoch: state.epoch, serial: state.serial, registrations }, papers };
    } catch (error) {
      throw new StorageUnusableError(`${this.#path} is damaged: ${messageOf(error)}; restore it from a backup`, error);
    }
  }

  /** Makes a change durable. When this fails, whether it is on disk is unknown: no other change may follow. */
  async save(change: RegistryChange, papers: MemberPapers): Promise<void> {
    const { peerId, nodeId, incarnation, status, serial } = change.put;
    const row: Row = { nodeId, incarnation, status, serial, certificate: toBase64(papers.certificate) };
    await this.#write([
      { type: 'put', key: MEMBER_PREFIX + peerId, value: JSON.stringify(row) },
      { type: 'put', key: ADDRS_PREFIX + peerId, value: JSON.stringify(papers.addrs) },
      { type: 'put', key: 'state', value: JSON.stringify({ epoch: change.epoch, serial: change.serial }) },
      ...change.forget.flatMap((forgotten): Operation[] => [
        { type: 'del', key: MEMBER_PREFIX + forgotten },
        { type: 'del', key: ADDRS_PREFIX + forgotten },
      ]),
    ]);
  }

  async saveAddrs(peerId: string, addrs: readonly string[]): Promise<void> {
    await this.#try(this.#db.put(ADDRS_PREFIX + peerId, JSON.stringify(addrs)));
  }

  async close(): Promise<void> {
    await this.#db.close();
  }

  #get(key: string): Promise<string | undefined> {
    return this.#try<string | undefined>(this.#db.get(key));
  }

  #write(operations: Operation[]): Promise<void> {
    return this.#try(this.#db.batch(operations, { sync: true }));
  }

  async #try<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw new StorageUnusableError(`${this.#path} cannot be used: ${messageOf(causeOf(error))}`, error);
    }
  }
}

type Operation = BatchOperation<ClassicLevel, string, string>;

function registrationOf(peerId: string, row: Row, space: IdSpace): Registration {
  const { nodeId, incarnation, status, serial } = row;
  if (!space.contains(nodeId) || (status !== 'member' && status !== 'left')) throw new RangeError(`member ${peerId}`);
  if (!Number.isSafeInteger(incarnation) || !Number.isSafeInteger(serial)) throw new RangeError(`member ${peerId}`);
  return { peerId, nodeId, incarnation, status, serial };
}

/** All keys with a prefix that ends in a slash. */
function range(prefix: string): { gte: string; lt: string } {
  return { gte: prefix, lt: `${prefix.slice(0, -1)}0` };
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

function causedByLock(error: unknown): boolean {
  const cause = causeOf(error);
  return cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED';
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function fromBase64(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : new Uint8Array(Buffer.from(text, 'base64'));
}
