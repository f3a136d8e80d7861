/**
 * A large file on its way to its root, through the attempts of this run and, by its journal, through those of earlier ones.
 * It agrees with the root on where to go on: there, where the hashes of the root's chunks are the same as those made here. Of
 * what the root has nothing is sent again; it is read once in a run, for the SHA-256 of the whole.
 *
 * What was sent earlier belongs to the file as it was then. So a file that was changed is another upload; and when it is
 * changed after this one has begun, this one is given up before anything is signed.
 */

import { pipe } from 'it-pipe';
import { equalBytes } from '../base/bytes.ts';
import { InterruptedError, NotReadyError } from '../base/errors.ts';
import type { ContactReader } from '../wire/contact.ts';
import type { KeptChunks } from '../wire/file.ts';
import { merkleRoot } from '../wire/merkle.ts';
import { ContentHasher } from './content-hasher.ts';
import { RESUMABLE_BYTES_MIN } from './resumable-part.ts';
import { isPassing } from './retry.ts';
import type { Session } from './session.ts';
import { inChunks, isUnchanged, type OpenedSource, type SourceFile } from './source.ts';
import { UploadJournal } from './upload-journal.ts';

type UploadPlace = Pick<Session, 'uploadsDir' | 'parameters'> & {
  readonly reader: Pick<ContactReader, 'networkId'>;
};

export class Upload {
  readonly hasher = new ContentHasher();
  readonly #journal: UploadJournal;
  readonly #source: OpenedSource;
  readonly #file: SourceFile;
  readonly #chunkBytes: number;
  /** Something of it was read before this attempt. */
  #carriesOver = false;
  #isStale = false;

  private constructor(journal: UploadJournal, source: OpenedSource, file: SourceFile, chunkBytes: number) {
    this.#journal = journal;
    this.#source = source;
    this.#file = file;
    this.#chunkBytes = chunkBytes;
  }

  /** Undefined where it could not be gone on with, or where that is not worth it. */
  static async open(session: UploadPlace, name: string, source: OpenedSource): Promise<Upload | undefined> {
    const { uploadsDir, reader, parameters } = session;
    const { file } = source;
    if (file === undefined || file.size < RESUMABLE_BYTES_MIN) return undefined;
    const journal = await UploadJournal.open(uploadsDir, { networkId: reader.networkId, name, ...file });
    return journal && new Upload(journal, source, file, parameters.chunkBytes);
  }

  get id(): Uint8Array {
    return this.#journal.uploadId;
  }

  /** The file was changed meanwhile: it is to be opened anew, as another upload. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** Reads what an earlier run has sent, while no peer waits for it. Once in a run. */
  async catchUp(signal: AbortSignal | undefined): Promise<void> {
    const { hashes } = this.#journal;
    await this.#read(this.hasher.wholeChunks, hashes.length, signal, (chunk) => {
      this.hasher.addToWhole(chunk);
    });
    if (this.hasher.chunkHashes.length === 0) this.hasher.know(hashes.slice(0, this.hasher.wholeChunks));
  }

  /** @returns how many of the root's chunks count: all of them or none. The hasher stands there afterwards. */
  async agree(kept: KeptChunks | undefined, signal: AbortSignal | undefined): Promise<number> {
    const chunks = (await this.#fits(kept, signal)) ? (kept?.chunks ?? 0) : 0;
    this.#carriesOver = this.hasher.wholeChunks > 0;
    this.hasher.startAt(chunks, this.#chunkBytes);
    await this.#journal.keepFirst(chunks);
    return chunks;
  }

  /** To be called when more has been sent. */
  note(): Promise<void> {
    return this.#journal.note(this.hasher.chunkHashes);
  }

  /** @throws NotReadyError when what was sent earlier and what was sent now may not belong together */
  async checkSource(): Promise<void> {
    if (!this.#carriesOver || (await isUnchanged(this.#file))) return;
    this.#isStale = true;
    throw new NotReadyError(`${this.#file.path} was changed while it was being stored`);
  }

  /** @param failure without one it is stored; with one that may pass it is left to the next run */
  async end(failure?: unknown): Promise<void> {
    const passes = isPassing(failure) || failure instanceof InterruptedError;
    if (passes && !this.#isStale) await this.#journal.leave(this.hasher.chunkHashes);
    else await this.#journal.remove();
  }

  async #fits(kept: KeptChunks | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    if (kept === undefined || kept.chunks * this.#chunkBytes > this.#file.size) return false;
    const { hasher } = this;
    // What was sent and not noted any more.
    const known = Math.min(hasher.chunkHashes.length, hasher.wholeChunks);
    if (kept.chunks > known) {
      hasher.startAt(known, this.#chunkBytes);
      await this.#read(known, kept.chunks, signal, (chunk) => {
        hasher.add(chunk);
      });
    }
    return equalBytes(merkleRoot(hasher.chunkHashes.slice(0, kept.chunks)), kept.merkleRoot);
  }

  /** Hands the chunks of a stretch over, as far as the file goes. */
  async #read(
    from: number,
    to: number,
    signal: AbortSignal | undefined,
    take: (chunk: Uint8Array) => void,
  ): Promise<void> {
    if (from >= to) return;
    let index = from;
    await pipe(
      this.#source.pieces(signal, from * this.#chunkBytes),
      (pieces) => inChunks(pieces, this.#chunkBytes),
      async (chunks) => {
        for await (const chunk of chunks) {
          if (chunk.length < this.#chunkBytes) return;
          take(chunk);
          if (++index === to) return;
        }
      },
    );
  }
}
