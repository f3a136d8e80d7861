/**
 * The number of the catalog's layout, and how a catalog of an earlier one is brought up to date. The number is written
 * last, each step before it is durable then, and all of it may be done again: a process killed in between leaves a
 * catalog of the earlier layout, which the program of that layout still understands.
 *
 * 1: the first. 2: slot entries beside the records.
 */

import { StorageUnusableError } from '../base/errors.ts';
import {
  type Database,
  type KeyRange,
  type Operation,
  RECORD,
  type Row,
  SCHEMA,
  SLOT,
  plain,
  prefixRange,
  scan,
} from './catalog-database.ts';
import { decodeEntry } from './catalog-entry.ts';
import { named } from './file-errors.ts';
import { encodeSlotEntry, slotEntryOf, slotKey } from './slot-entry.ts';

const NUMBER = '2';
const NUMBER_WITHOUT_SLOTS = '1';

/** @throws StorageUnusableError when a newer program wrote it, or it cannot be read; NoSpaceError */
export async function bringUpToDate(database: Database, path: string): Promise<void> {
  const found = await named(`reading ${path}`, () => database.get(SCHEMA));
  const number = found && Buffer.from(found).toString();
  if (number === NUMBER) return;
  if (number !== undefined && number !== NUMBER_WITHOUT_SLOTS) {
    throw new StorageUnusableError(
      `${path} has the layout number ${number.slice(0, 20)}, this program knows ${NUMBER}; ` +
        'use the newer version of this program that wrote it, or another storage directory',
    );
  }
  if (number !== undefined) await writeSlots(database, path);
  await write(database, path, [{ type: 'put', key: SCHEMA, value: Buffer.from(NUMBER) }]);
}

/** Slot entries of all records and no others, whatever was there. */
async function writeSlots(database: Database, path: string): Promise<void> {
  await rewrite(database, path, prefixRange(SLOT), ([key]) => ({ type: 'del', key: key.toString() }));
  await rewrite(database, path, prefixRange(RECORD), ([, value]) => {
    const entry = slotEntryOf(decodeEntry(plain(value)).record);
    return { type: 'put', key: slotKey(entry), value: encodeSlotEntry(entry) };
  });
}

async function rewrite(
  database: Database,
  path: string,
  range: KeyRange,
  operationOf: (row: Row) => Operation,
): Promise<void> {
  for await (const rows of scan(database, range)) await write(database, path, rows.map(operationOf));
}

async function write(database: Database, path: string, operations: Operation[]): Promise<void> {
  await named(`bringing ${path} up to date`, () => database.batch(operations, { sync: true }));
}
