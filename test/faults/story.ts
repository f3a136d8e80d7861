/**
 * What a process said while it stored, and whether a directory bears it out: of each name the last version that was
 * acknowledged or one that was begun after it, whole, and never anything else.
 */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../../src/base/bytes.ts';
import { messageOf } from '../../src/base/errors.ts';
import type { StorageDirectory } from '../../src/store/storage-directory.ts';
import { load, sha256, withStorage } from '../store/samples.ts';

const REMOVED = 'removed';

/** Of one name: by counter the content's hash, or that it was removed; and the last that was acknowledged. */
type Told = { readonly begun: Map<number, string>; acknowledged: number };

export class Story {
  readonly #names = new Map<string, Told>();
  #acknowledgements = 0;

  get acknowledgements(): number {
    return this.#acknowledgements;
  }

  /**
   * Takes a line: `begin COUNTER HASH NAME`, or `done COUNTER SECONDS NAME` with the time of the acknowledgement.
   *
   * @param lastSecond acknowledgements after it do not count
   */
  hear(line: string, lastSecond: number): void {
    const [verb, digits = '', more = '', ...words] = line.split(' ');
    const name = words.join(' ');
    const counter = Number(digits);
    const told = this.#names.get(name) ?? { begun: new Map<number, string>(), acknowledged: 0 };
    this.#names.set(name, told);
    if (verb === 'begin') told.begun.set(counter, more);
    else if (verb === 'done') {
      if (Number(more) >= lastSecond) return;
      told.acknowledged = counter;
      this.#acknowledgements++;
    } else throw new Error(`not a line of a story: ${line}`);
  }

  /** Opens a directory as the next process would. @returns what it does not bear out */
  async complaints(path: string): Promise<string[]> {
    try {
      return await withStorage(path, async (storage) => {
        const complaints: string[] = [];
        for (const [name, told] of this.#names) complaints.push(...(await this.#check(storage, name, told)));
        const incoming = await readdir(join(path, 'incoming'));
        return incoming.length === 0 ? complaints : [...complaints, `left in incoming/: ${incoming.join(' ')}`];
      });
    } catch (error) {
      return [`it cannot be opened: ${messageOf(error)}`];
    }
  }

  async #check(storage: StorageDirectory, name: string, told: Told): Promise<string[]> {
    const record = await storage.record(name);
    const counter = record?.version.counter ?? 0;
    const { acknowledged, begun } = told;
    // What was begun and lost may be begun anew with the same counter; what is there must stay.
    told.acknowledged = counter;
    if (counter < acknowledged) return [`${name}: version ${String(counter)} after ${String(acknowledged)}`];
    if (record === undefined) return [];
    const said = begun.get(counter);
    if (record.tombstone) return said === REMOVED ? [] : [`${name}: removed, where ${String(said)} was stored`];
    try {
      // Record, hashes and content are checked against each other by this.
      const found = toHex(sha256(await load(storage, record)));
      const one = found === toHex(record.sha256) && found === said;
      return one ? [] : [`${name}: content ${found} in version ${String(counter)}, where it was ${String(said)}`];
    } catch (error) {
      return [`${name}: ${messageOf(error)}`];
    }
  }
}
