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

/**
 * @param afresh write what follows from the records anew, whatever is there: the catalog was repaired
 * @throws StorageUnusableError when a newer program wrote it, or it cannot be read; NoSpaceError
 */
export async function bringUpToDate(database: Database, path: string, afresh: boolean): Promise<void> {
  const found = await named(`reading ${path}`, () => database.get(SCHEMA));
  const number = found && Buffer.from(found).toString();
  if (number === NUMBER && !afresh) return;
  if (number !== undefined && number !== NUMBER && number !== NUMBER_WITHOUT_SLOTS) {
    throw new StorageUnusableError(
      `${path} has the layout number ${number.slice(0, 20)}, this program knows ${NUMBER}; ` +
        'use the newer version of this program that wrote it, or another storage directory',
    );
  }
  // Without a number it is new, or has lost it.
  await rewrite(database, path, prefixRange(SLOT), ([key]) => ({ type: 'del', key: key.toString() }));
  await rewrite(database, path, prefixRange(RECORD), slotOperation);
  await write(database, path, [{ type: 'put', key: SCHEMA, value: Buffer.from(NUMBER) }]);
}

/** None for an entry that cannot be read: it is as good as absent. */
function slotOperation([key, value]: Row): Operation | undefined {
  const entry = decodeEntry(key.toString('utf8', RECORD.length), plain(value));
  if (entry === undefined) return undefined;
  const slot = slotEntryOf(entry.record);
  return { type: 'put', key: slotKey(slot), value: encodeSlotEntry(slot) };
}

async function rewrite(
  database: Database,
  path: string,
  range: KeyRange,
  operationOf: (row: Row) => Operation | undefined,
): Promise<void> {
  for await (const rows of scan(database, range)) {
    const operations = rows.map(operationOf).filter((operation) => operation !== undefined);
    await write(database, path, operations);
  }
}

async function write(database: Database, path: string, operations: Operation[]): Promise<void> {
  await named(`bringing ${path} up to date`, () => database.batch(operations, { sync: true }));
}
